#!/usr/bin/env bash
# Installs what the named parts need and this machine lacks; says nothing when nothing is missing.
# usage: scripts/setup.sh PART...   parts: build (C compiler, players), test (browser, ffmpeg,
#        xmllint, licence clients, test packages, media), check (cargo-deny)
set -euo pipefail
cd "$(dirname "$0")/.."

fail() { echo "setup: $*" >&2; exit 3; }

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

# packages PROGRAM=PACKAGE...: installs the Debian package of each program that is not on the path.
packages() {
  local missing=() pair
  for pair in "$@"; do
    command -v "${pair%%=*}" >/dev/null || missing+=("${pair#*=}")
  done
  [ ${#missing[@]} = 0 ] && return
  command -v apt-get >/dev/null || fail "install these yourself (no apt-get here): ${missing[*]}"
  echo "setup: installing ${missing[*]}"
  as_root apt-get update -qq
  as_root env DEBIAN_FRONTEND=noninteractive \
    apt-get install -qq -y --no-install-recommends "${missing[@]}" >/dev/null
}

# npm_packages FOLDER: installs what its lock file names, unless exactly that is installed.
npm_packages() {
  local lock=$1/package-lock.json stamp=$1/node_modules/.installed-lock.json
  cmp -s "$lock" "$stamp" && return
  command -v npm >/dev/null || fail "Node.js with npm is needed (20 or newer)"
  echo "setup: npm packages of $1/"
  (cd "$1" && npm ci --ignore-scripts --loglevel=error)
  cp "$lock" "$stamp"
}

cargo_tool() { # NAME VERSION
  command -v "$1" >/dev/null && return
  echo "setup: building $1 (once, some minutes)"
  cargo install --quiet --locked "$1@$2"
}

build() {
  command -v cargo >/dev/null || fail "Rust is needed (cargo, at least the version in Cargo.toml)"
  packages cc=build-essential make=make
  npm_packages web
}

tests() {
  build
  packages ffmpeg=ffmpeg chromium=chromium xmllint=libxml2-utils curl=curl
  npm_packages tests
  drm_clients
  sh tests/media/make.sh
}

# Clients of licence services, where the folder with them lies beside this one.
drm_clients() {
  local wanted=../shared/tools/drm-clients/requirements.txt venv=target/drm-clients
  [ -f "$wanted" ] || return 0
  cmp -s "$wanted" "$venv/installed.txt" && return
  packages python3=python3
  python3 -c 'import ensurepip' 2>/dev/null || as_root apt-get install -qq -y python3-venv >/dev/null
  echo "setup: Python packages of the licence clients"
  if python3 -m venv "$venv" && "$venv/bin/pip" install --quiet --disable-pip-version-check -r "$wanted"; then
    cp "$wanted" "$venv/installed.txt"
  else
    echo "setup: they cannot be installed here; the tests that they judge are skipped"
  fi
}

for part in "$@"; do
  case $part in
    build) build ;;
    test) tests ;;
    check) build && cargo_tool cargo-deny 0.20.2 ;;
    *) fail "no such part: $part" ;;
  esac
done
