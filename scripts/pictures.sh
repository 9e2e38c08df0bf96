#!/usr/bin/env bash
# How do the pages look? Takes the pictures in docs/ from a server that runs, with clips and sessions in it:
#   scripts/pictures.sh http://127.0.0.1:8080 "$KEY" CLIP
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/say.sh
. scripts/say.sh

if [ $# -ne 3 ]; then fail "usage: scripts/pictures.sh URL KEY CLIP"; fi
scripts/npm.sh web
CHROMIUM=$(scripts/chromium.sh)
export CHROMIUM
node web/e2e/pictures.mjs "$1" "$2" "$3" docs
