# What the set-up steps share: comparing versions, installing Debian packages, building a cargo tool.
# shellcheck shell=bash

# at_least 1.97.0 1.96.0: is the first version the second or a later one?
at_least() {
  [ -n "$1" ] && [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]
}

# Runs a command as root, by sudo where we are not root.
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

# There once a step of this set-up has asked which packages there are: the steps after it need not.
apt_is_updated=target/setup/apt-is-updated

# apt_install <for people: what is needed> <package>...
apt_install() {
  local need=$1
  shift
  if ! command -v apt-get >/dev/null; then
    echo "Please install by hand, then start again: $need. (Set-up installs such things by itself only with apt-get.)" >&2
    return 1
  fi
  local apt=(as_root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 -o Acquire::Retries=5)
  if [ ! -e "$apt_is_updated" ]; then
    "${apt[@]}" update || return 1
    : >"$apt_is_updated"
  fi
  "${apt[@]}" install --yes --no-install-recommends "$@"
}

# cargo_tool <crate> <version> <cargo install's further arguments>...
# Builds a command line tool without optimising it (that is much faster, and these tools are quick enough), and without the
# checks of a debug build, which their releases do not have either.
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
