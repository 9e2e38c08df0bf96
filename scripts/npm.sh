#!/usr/bin/env bash
# Are a folder's npm packages what its lock file says? Installs them when they are not.
#
#   scripts/npm.sh web
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/say.sh
. scripts/say.sh

folder=$1
installed=$folder/node_modules/.installed-lock
if cmp -s "$folder/package-lock.json" "$installed"; then exit 0; fi

scripts/need.sh node
say "installing the npm packages of $folder/ …"
# No package runs a script of its own at installation: none of ours needs to.
quietly npm --prefix "$folder" ci --ignore-scripts --no-audit --no-fund ||
  fail "npm could not install the packages of $folder/ (its last words are above); try: cd $folder && npm ci"
cp "$folder/package-lock.json" "$installed"
