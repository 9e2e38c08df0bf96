#!/usr/bin/env bash
# Does the API answer as it describes itself, whatever it is asked? Schemathesis makes requests up from the description
# and holds the answers against it: none may be a 5xx, have an undocumented status or another shape.
# Arguments are Schemathesis' own, for example: scripts/schemathesis.sh --max-examples 200
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/say.sh
. scripts/say.sh

scripts/need.sh cargo cc node ffmpeg
scripts/web.sh
sample=$(scripts/media.sh)
say "building Clipper …"
cargo build --bin clipper
clipper=${CARGO_TARGET_DIR:-target}/debug/clipper

tools=target/schemathesis
if [ ! -x "$tools/bin/schemathesis" ]; then
  say "installing Schemathesis …"
  python3 -m venv "$tools" || fail "python3 cannot make an environment: apt-get install python3-venv"
  quietly "$tools/bin/pip" install --disable-pip-version-check 'schemathesis==4.32.*'
fi

folder=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server"; rm -rf "$folder"' EXIT
export CLIPPER_ADMIN_KEY=schemathesis CLIPPER_DATA_DIR=$folder/data CLIPPER_LISTEN=127.0.0.1:${PORT:-8099}
# What is refused for coming too fast says nothing of the rest.
for limit in WRITES READS MEDIA REPORTS PERSON; do export "CLIPPER_LIMITS_${limit}_PER_SECOND=1000000"; done
"$clipper" serve >"$folder/log" 2>&1 &
server=$!
for _ in {1..100}; do ! grep -q 'Clipper is ready' "$folder/log" || break; sleep 0.1; done
"$clipper" ingest "$sample" --title Sample --slug clip --wait --server "http://$CLIPPER_LISTEN"

cat >"$folder/hooks.py" <<'HOOKS'
import schemathesis

BODIES = ("application/offset+octet-stream", "application/cmcd", "text/cmcd", "application/x-ndjson")


@schemathesis.serializer(*BODIES)
def as_it_is(context, value):
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "replace")
HOOKS
say "asking …"
export PYTHONPATH=$folder SCHEMATHESIS_HOOKS=hooks
"$tools/bin/schemathesis" run "http://$CLIPPER_LISTEN/api/openapi.json" -H "Authorization: Bearer $CLIPPER_ADMIN_KEY" \
  --checks not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,response_headers_conformance \
  --phases examples,coverage,fuzzing --request-timeout 10 --continue-on-failure --no-shrink --warnings off "$@"
