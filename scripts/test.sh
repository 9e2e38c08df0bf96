#!/usr/bin/env bash
# Does everything work? All tests, on real ffmpeg, SQLite, a throw-away PostgreSQL and a real browser.
# With arguments, only the Rust tests that they select: scripts/test.sh -E 'test(upload)'
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/say.sh
. scripts/say.sh

scripts/need.sh cargo cc node ffmpeg nginx postgresql chromium prometheus
scripts/web.sh
sample=$(scripts/media.sh)
CLIPPER_TEST_MEDIA=$(dirname "$sample")
CLIPPER_TEST_CHROMIUM=$(scripts/chromium.sh)
export CLIPPER_TEST_MEDIA CLIPPER_TEST_CHROMIUM

if [ $# -eq 0 ]; then
  say "testing the web pages' code …"
  npm --prefix web --silent test
  # Before the tests proper, so that the last line says how those went.
  say "testing the examples in the docs …"
  cargo test --workspace --doc --quiet
fi

say "building and running the tests (the first build takes several minutes) …"
if cargo nextest --version >/dev/null 2>&1; then
  scripts/postgres.sh cargo nextest run --workspace "$@"
else
  # `cargo nextest` reads .config/nextest.toml; plain `cargo test` knows no groups and no time limits.
  say "cargo-nextest is not here, so this is \`cargo test\`, slower; to bring it: cargo install --locked cargo-nextest"
  scripts/postgres.sh cargo test --workspace --lib --bins --tests "$@"
fi
