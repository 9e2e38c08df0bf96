#!/usr/bin/env bash
# Is the code in the state it should be in? Format, lints, docs, dependencies, spelling. Runs everything, then says
# what failed; what could not be looked at is said too, with the reason.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/say.sh
. scripts/say.sh

failed=()
skipped=()

# check NAME COMMAND…
check() {
  local name=$1 started=$SECONDS
  shift
  say "$name …"
  if "$@" </dev/null; then say "$name: fine ($((SECONDS - started)) s)"
  else
    say "$name: NOT fine"
    failed+=("$name")
  fi
}

# skip NAME REASON
skip() {
  say "$1: skipped, $2"
  skipped+=("$1")
}

has() { command -v "$1" >/dev/null 2>&1; }

docs() { RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --quiet; }

# --locked: a Cargo.lock that lags behind is a complaint, not something to mend on the way.
dependencies() { cargo metadata --locked --format-version 1 | node scripts/dependencies.mjs; }

# Exits 0 fine, 1 not fine, 2 when nobody could be asked.
npm_audit() {
  local report
  report=$(npm --prefix web audit --omit=dev --audit-level=high --json 2>/dev/null) && return 0
  if ! grep -q '"vulnerabilities"' <<<"$report"; then return 2; fi
  printf '%s\n' "$report"
  return 1
}

scripts/need.sh cargo cc rustfmt clippy node shellcheck
scripts/npm.sh web

check "format" cargo fmt --all --check
check "shell scripts" shellcheck --external-sources scripts/*.sh .ci/run packaging/*.sh packaging/*/*.sh packaging/debian/post*
check "dependencies" dependencies
check "web pages" npm --prefix web --silent run check
check "lints" cargo clippy --workspace --all-targets --quiet -- -D warnings
check "docs" docs

if has cargo-deny; then
  check "cargo deny" cargo deny --offline --log-level error check licenses bans sources
  if cargo deny fetch db >/dev/null 2>&1; then check "advisories" cargo deny --log-level error check advisories
  else skip "advisories" "their database cannot be fetched from here"
  fi
else
  skip "cargo deny" "not installed (licences, bans and sources were checked above, advisories were not); to bring it: cargo install --locked cargo-deny"
fi

if has cargo-machete; then check "cargo machete" cargo machete
else skip "cargo machete" "not installed (unused dependencies were checked above, by name); to bring it: cargo install --locked cargo-machete"
fi

if typos=$(scripts/typos.sh); then check "spelling" "$typos"
else skip "spelling" "no \`typos\` here, and no Python that could bring it; to bring it: cargo install --locked typos-cli"
fi

audited=0
npm_audit || audited=$?
case $audited in
  0) say "npm audit: fine" ;;
  1) failed+=("npm audit") ;;
  *) skip "npm audit" "the npm registry does not answer such questions from here" ;;
esac

if [ "${#skipped[@]}" -gt 0 ]; then say "not looked at: $(printf '%s, ' "${skipped[@]}" | sed 's/, $//')"; fi
if [ "${#failed[@]}" -gt 0 ]; then fail "Not fine: $(printf '%s, ' "${failed[@]}" | sed 's/, $//')."; fi
say "all checks are fine"
