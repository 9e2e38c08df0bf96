#!/usr/bin/env bash
# Are the web pages in web/dist, which the program embeds, built from the sources as they are now?
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/say.sh
. scripts/say.sh

scripts/npm.sh web

# Contents, not times: a checkout makes every file new, a deleted file makes none new.
fingerprint() {
  find web -type f -not -path 'web/node_modules/*' -not -path 'web/dist/*' -not -path 'web/e2e/*' -print0 |
    LC_ALL=C sort -z | xargs -0 cksum
}
built=web/node_modules/.built-from
if [ -f web/dist/index.html ] && fingerprint | cmp -s - "$built"; then exit 0; fi

say "building the web pages …"
rm -f "$built"
quietly npm --prefix web run build || fail "the web pages do not build (why is above); try: cd web && npm run build"
fingerprint >"$built"
