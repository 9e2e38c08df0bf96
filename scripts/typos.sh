#!/usr/bin/env bash
# Where is a spelling checker? Prints the path of `typos`: the one on PATH, else PyPI's, put beside the build.
set -euo pipefail
cd "$(dirname "$0")/.."

if command -v typos; then exit 0; fi
version=1.52.0
folder=${CARGO_TARGET_DIR:-target}/tools/typos-$version
if [ ! -x "$folder/bin/typos" ]; then
  command -v python3 >/dev/null || exit 1
  mkdir -p "$folder"
  { python3 -m venv "$folder" && "$folder/bin/pip" install "typos==$version"; } </dev/null >"$folder.log" 2>&1 || exit 1
fi
echo "$folder/bin/typos"
