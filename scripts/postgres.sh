#!/usr/bin/env bash
# Runs a command beside a throw-away PostgreSQL: its own cluster, folder and port, gone when the command ends.
# A cluster that is already on this machine is neither used nor touched.
#
#   scripts/postgres.sh cargo nextest run     with CLIPPER_TEST_POSTGRES_URL set to a superuser's URL
#   scripts/postgres.sh --where               only prints where the server programs are
#
# shellcheck disable=SC2317  # `stop` is called by the trap, `as_the_owner` by `quietly`
set -euo pipefail
# shellcheck source=scripts/say.sh
. "$(dirname "$0")/say.sh"

# The newest of Debian's, else what PATH has.
programs() {
  local newest
  newest=$(printf '%s\n' /usr/lib/postgresql/*/bin/initdb | sort -V | tail -n 1)
  if [ -x "$newest" ]; then dirname "$newest"
  elif command -v initdb >/dev/null; then dirname "$(command -v initdb)"
  else return 1
  fi
}
bin=$(programs) || fail "PostgreSQL's server programs are not here; bring them with: scripts/need.sh postgresql"
if [ "${1:-}" = --where ]; then echo "$bin" && exit 0; fi
[ $# -gt 0 ] || fail "usage: scripts/postgres.sh COMMAND …"

# PostgreSQL refuses to run as root, so root lends it another user, who must be able to reach the folder.
as_owner=()
if [ "$(id -u)" -eq 0 ]; then
  owner=$(id -u postgres 2>/dev/null || id -u nobody)
  folder=$(mktemp -d /tmp/clipper-postgres.XXXXXX)
  chown "$owner" "$folder"
  as_owner=(setpriv --reuid "$owner" --regid "$(id -g "$owner")" --clear-groups)
else
  folder=$(mktemp -d "${TMPDIR:-/tmp}/clipper-postgres.XXXXXX")
fi

server=
stop() {
  if [ -n "$server" ] && kill -0 "$server" 2>/dev/null; then
    # Immediate: what it would save on a graceful stop is deleted in the next line.
    kill -QUIT "$server" 2>/dev/null || true
    for _ in {1..100}; do kill -0 "$server" 2>/dev/null || break && sleep 0.1; done
    kill -KILL "$server" 2>/dev/null || true
    wait "$server" 2>/dev/null || true
  fi
  rm -rf "$folder"
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# A password, because a superuser of a cluster may run programs as its owner, and loopback is everybody's.
password=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
printf '%s\n' "$password" >"$folder/password"
if [ "$(id -u)" -eq 0 ]; then chown "$owner" "$folder/password"; fi

as_the_owner() { (cd "$folder" && exec "${as_owner[@]}" "$@"); }

say "starting a throw-away PostgreSQL …"
quietly as_the_owner "$bin/initdb" --pgdata "$folder/data" --username clipper --pwfile "$folder/password" \
  --auth scram-sha-256 --encoding UTF8 --locale C.UTF-8 --no-sync ||
  fail "initdb could not make a cluster in $folder (why is above)."

# fsync off is safe for what the tests prove: they kill Clipper, or PostgreSQL, never the kernel, and a commit
# that the kernel has taken survives both. Commits stay synchronous for the same reason.
settings=(
  -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c max_connections=200
  -c synchronous_commit=on -c log_min_messages=fatal
)
# A benchmark pays for what it gets.
if [ -z "${CLIPPER_TEST_POSTGRES_DURABLE:-}" ]; then settings+=(-c fsync=off -c full_page_writes=off); fi

# Should this script be killed outright, the kernel stops the server for it.
with_us=()
if setpriv --help 2>&1 | grep -q pdeathsig; then with_us=(setpriv --pdeathsig QUIT); fi

is_up() { "$bin/pg_isready" --quiet --host 127.0.0.1 --port "$1"; }

# Below the ports that the kernel gives to clients; another try when somebody was quicker.
start() {
  local port=$((20000 + RANDOM % 12000))
  (cd "$folder" && exec "${as_owner[@]}" "${with_us[@]}" \
    "$bin/postgres" -D "$folder/data" -p "$port" "${settings[@]}") >"$folder/log" 2>&1 </dev/null &
  server=$!
  for _ in {1..300}; do
    kill -0 "$server" 2>/dev/null || return 1
    if is_up "$port"; then
      export CLIPPER_TEST_POSTGRES_URL="postgres://clipper:$password@127.0.0.1:$port/postgres"
      return 0
    fi
    sleep 0.1
  done
  return 1
}
start || start || start || {
  cat "$folder/log" >&2
  fail "PostgreSQL did not start in three tries (its last words are above)."
}

status=0
"$@" || status=$?
exit "$status"
