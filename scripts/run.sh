#!/usr/bin/env bash
# What does it take to see Clipper run? ffmpeg, the web pages, the program, a clip to look at.
# CLIPPER_LISTEN and CLIPPER_DATA_DIR move it elsewhere; arguments go to `clipper serve`.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/say.sh
. scripts/say.sh

export CLIPPER_LISTEN=${CLIPPER_LISTEN:-127.0.0.1:8080}
export CLIPPER_DATA_DIR=${CLIPPER_DATA_DIR:-./data}

# Asked first, because the build takes minutes, and answered by trying to reach whoever is there.
host=${CLIPPER_LISTEN%:*}
port=${CLIPPER_LISTEN##*:}
if [ "$host" = 0.0.0.0 ]; then host=127.0.0.1; fi
if (: <>"/dev/tcp/$host/$port") 2>/dev/null; then
  fail "Port $port on $host is taken; stop what listens there, or take another: CLIPPER_LISTEN=$host:$((port + 1)) make run"
fi

scripts/need.sh cargo cc node ffmpeg
scripts/web.sh
sample=$(scripts/media.sh)
say "building Clipper (the first time takes several minutes, later times seconds) …"
cargo build --release --bin clipper

# A person who starts Clipper this way sits at this machine: `--sample` also prints the address already signed in.
exec cargo run --quiet --release --bin clipper -- serve --sample "$sample" "$@"
