# Shared by the set-up steps: compares versions, installs Debian packages, builds cargo tools.
# shellcheck shell=bash

# at_least <version> <minimum>
at_least() {
  [ -n "$1" ] && [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]
}

# Runs a command as root, with sudo if needed.
as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    echo "This needs root and there is no sudo here. Run it as root: $*" >&2
    return 1
  fi
}

# Exists once a step of this set-up has run apt-get update, so that later steps skip it.
apt_is_updated=target/setup/apt-is-updated

# apt_install <description> <package>...
apt_install() {
  local description=$1
  shift
  if ! command -v apt-get >/dev/null; then
    echo "Set-up can install packages only with apt-get. Install this by hand and start again: $description." >&2
    return 1
  fi
  local apt=(as_root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 -o Acquire::Retries=5)
  if [ ! -e "$apt_is_updated" ]; then
    "${apt[@]}" update || return 1
    : >"$apt_is_updated"
  fi
  "${apt[@]}" install --yes --no-install-recommends "$@"
}

# cargo_tool <crate> <version> <further argument of cargo install>...
# Builds a command line tool without optimisation, which saves time and is fast enough, and without debug assertions.
cargo_tool() {
  local crate=$1 version=$2
  shift 2
  (
    cd "$SETUP_TOOLS" || return 1
    export CARGO_TARGET_DIR=$SETUP_TOOLS/build CARGO_PROFILE_DEV_DEBUG=0 CARGO_INCREMENTAL=0
    export CARGO_PROFILE_DEV_DEBUG_ASSERTIONS=false CARGO_PROFILE_DEV_OVERFLOW_CHECKS=false
    cargo install --debug --force --root "$SETUP_TOOLS/$crate-$version" "$crate@$version" "$@"
  )
}
