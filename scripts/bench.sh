#!/usr/bin/env bash
# How fast is it, beside the yardsticks? Arguments go to the benchmark: scripts/bench.sh encode
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/say.sh
. scripts/say.sh

scripts/need.sh cargo cc node ffmpeg
sample=$(scripts/media.sh)
CLIPPER_TEST_MEDIA=$(dirname "$sample")
export CLIPPER_TEST_MEDIA

say "building the benchmarks (the first time takes several minutes) …"
cargo bench --workspace --benches --no-run
# By its own name: every library is a benchmark target too, and the built-in harness knows other arguments.
say "measuring (leave the machine alone meanwhile) …"
exec cargo bench --bench encode -- "$@"
