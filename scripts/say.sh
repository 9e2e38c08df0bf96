# shellcheck shell=bash
# How the scripts talk: one line per long step, one sentence when something is wrong.
# Both go to the error stream, so that a script's output stays what it was asked for.

say() { printf '==> %s\n' "$*" >&2; }

fail() {
  printf '\n%s\n' "$*" >&2
  exit 1
}

# quietly COMMAND…: its output is only worth reading when it failed.
quietly() {
  local log status=0
  log=$(mktemp)
  "$@" </dev/null >"$log" 2>&1 || status=$?
  if [ "$status" -ne 0 ]; then tail -n 60 "$log" >&2; fi
  rm -f "$log"
  return "$status"
}
