#!/usr/bin/env bash
# Where is a package for Debian that holds all there is? Builds pages and program for good, writes manual pages and
# completions, and prints the path of the package.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/say.sh
. scripts/say.sh

scripts/need.sh cargo cc node
cargo deb --version >/dev/null 2>&1 || fail "packages are put together by cargo-deb; bring it with: cargo install --locked cargo-deb"
scripts/web.sh
say "building Clipper for good (link-time optimisation takes its time) …"
cargo build --locked --profile dist --bin clipper

program=target/dist/clipper
rm -rf target/package
mkdir -p target/package/completions
"$program" man target/package/man
"$program" completions bash >target/package/completions/clipper.bash
"$program" completions zsh >target/package/completions/_clipper
"$program" completions fish >target/package/completions/clipper.fish
cargo deb --no-build --profile dist
