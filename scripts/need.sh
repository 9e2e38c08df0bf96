#!/usr/bin/env bash
# Is everything there that the other scripts lean on? What Debian's packages can bring is installed when that
# needs no password; for the rest one sentence names what is missing and the command that brings it.
#
#   scripts/need.sh cargo node ffmpeg
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/say.sh
. scripts/say.sh

# Node 20 is the oldest that the web packages run on; Rust's own floor is written in Cargo.toml.
oldest_node=20
oldest_rust=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
bring_node="see https://nodejs.org/en/download (Debian 13 and later: sudo apt-get install nodejs npm)"
bring_rust="curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh"

has() { command -v "$1" >/dev/null 2>&1; }

at_least() { [ "$(printf '%s\n' "$1" "$2" | sort -V | head -n 1)" = "$1" ]; }

is_there() {
  case $1 in
    ffmpeg) has ffmpeg && has ffprobe ;;
    postgresql) scripts/postgres.sh --where >/dev/null 2>&1 ;;
    chromium) scripts/chromium.sh >/dev/null 2>&1 ;;
    cc) has cc ;;
    shellcheck) has shellcheck ;;
    prometheus) has prometheus && has promtool ;;
    nginx) has nginx || [ -x /usr/sbin/nginx ] ;;
    *) fail "scripts/need.sh does not know \`$1\`." ;;
  esac
}

# What a package manager calls it.
package() {
  case $1:$2 in
    apt:cc) echo "gcc libc6-dev" ;;
    apt:nginx) echo nginx-light ;;
    dnf:ffmpeg) echo ffmpeg-free ;;
    dnf:prometheus) echo golang-github-prometheus ;;
    dnf:postgresql) echo postgresql-server ;;
    dnf:shellcheck) echo ShellCheck ;;
    brew:postgresql) echo postgresql@17 ;;
    *:cc) echo gcc ;;
    *) echo "$2" ;;
  esac
}

need_node() {
  has node || fail "Clipper's pages need Node.js $oldest_node or newer, and there is no \`node\` here; $bring_node."
  local found
  found=$(node --version)
  at_least "$oldest_node" "${found#v}" ||
    fail "Clipper's pages need Node.js $oldest_node or newer, and this is $found; $bring_node."
  has npm || fail "Clipper's pages need npm, which usually comes with Node.js and is not here; $bring_node."
}

need_cargo() {
  has cargo || fail "Clipper needs Rust $oldest_rust or newer, and there is no \`cargo\` here; bring it with: $bring_rust"
  local found
  found=$(cargo --version | cut -d ' ' -f 2)
  at_least "$oldest_rust" "$found" ||
    fail "Clipper needs Rust $oldest_rust or newer, and this is $found; bring it with: rustup update stable"
}

need_component() {
  cargo "$2" --version >/dev/null 2>&1 ||
    fail "\`make check\` needs $1, which this Rust toolchain lacks; bring it with: rustup component add $1"
}

packages_of() {
  local manager=$1 name
  shift
  for name in "$@"; do package "$manager" "$name"; done | tr '\n' ' ' | sed 's/ $//'
}

command_that_brings() {
  local command
  if has brew; then echo "brew install $(packages_of brew "$@")" && return 0
  elif has dnf; then command="dnf install $(packages_of dnf "$@")"
  elif has pacman; then command="pacman -S $(packages_of pacman "$@")"
  else command="apt-get install $(packages_of apt "$@")"
  fi
  if [ "$(id -u)" -eq 0 ]; then echo "$command"
  elif has sudo; then echo "sudo $command"
  else echo "su -c '$command'"
  fi
}

# Prints how to become root without a password (nothing when that is what we are), or fails.
without_password() {
  if [ "$(id -u)" -eq 0 ]; then return 0; fi
  if has sudo && sudo -n true 2>/dev/null; then
    echo "sudo -n"
    return 0
  fi
  return 1
}

apt_get() {
  # shellcheck disable=SC2086 # `as_root` is a command and its flag, or nothing
  quietly $as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300 "$@"
}

install_with_apt() {
  local packages
  read -ra packages <<<"$(packages_of apt "$@")"
  say "installing ${packages[*]} (a minute or two) …"
  # The package lists are fetched only when there is none, or when they turn out to be too old.
  if ls /var/lib/apt/lists/*Packages* >/dev/null 2>&1 &&
    apt_get install -y --no-install-recommends "${packages[@]}" 2>/dev/null; then return 0; fi
  say "fetching the package lists …"
  apt_get update || fail "apt-get could not fetch its package lists (its last words are above); try: $(command_that_brings "$@")"
  apt_get install -y --no-install-recommends "${packages[@]}" ||
    fail "apt-get could not install ${packages[*]} (its last words are above); try: $(command_that_brings "$@")"
}

missing=()
for name in "$@"; do
  case $name in
    node) need_node ;;
    cargo) need_cargo ;;
    rustfmt) need_component rustfmt fmt ;;
    clippy) need_component clippy clippy ;;
    *) is_there "$name" || missing+=("$name") ;;
  esac
done
if [ "${#missing[@]}" -eq 0 ]; then exit 0; fi

if has apt-get && as_root=$(without_password); then
  install_with_apt "${missing[@]}"
else
  list=${missing[*]}
  fail "Clipper needs what is not here: ${list// /, }; bring it with: $(command_that_brings "${missing[@]}")"
fi

for name in "${missing[@]}"; do
  is_there "$name" || fail "Clipper needs $name, and the package \`$(package apt "$name")\` did not bring it; is another one in the way on PATH?"
done
