#!/usr/bin/env bash
# How fast is it, beside the yardsticks? Runs every benchmark, or those that are named: scripts/bench.sh log
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/say.sh
. scripts/say.sh

[ $# -gt 0 ] || set -- encode log serve
scripts/need.sh cargo cc node ffmpeg postgresql nginx
sample=$(scripts/media.sh)
CLIPPER_TEST_MEDIA=$(dirname "$sample")
CLIPPER_TEST_SHIPPED=$PWD/target/shipped/release/shipped
export CLIPPER_TEST_MEDIA CLIPPER_TEST_SHIPPED
# On the disk, as in earnest: what a commit costs is what is measured.
export CLIPPER_TEST_POSTGRES_DURABLE=1

say "building the benchmarks (the first time takes several minutes) …"
cargo bench --workspace --benches --no-run
cargo build --quiet --release --manifest-path benches/shipped/Cargo.toml --target-dir target/shipped
say "measuring (leave the machine alone meanwhile) …"
for name in "$@"; do
  # By its own name: every library is a benchmark target too, and the built-in harness knows other arguments.
  scripts/postgres.sh cargo bench --bench "$name"
done
