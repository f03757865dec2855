# Sourced by every other script here: says where things are and puts the tools that set-up chose on PATH.
# Variables that begin with CALLGATE_ are the server's settings, and it refuses those that it does not know; hence SETUP_.
# shellcheck shell=bash

# As cargo sees it: without symbolic links.
project=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)

# Command line tools that set-up builds are kept outside the project, so that a second clone finds them.
SETUP_TOOLS=${SETUP_TOOLS:-${XDG_CACHE_HOME:-$HOME/.cache}/callgate}

# Rust, cargo-leptos, cargo-nextest and cargo-deny may be later versions. wasm-bindgen's command must have the version of the
# crate, so Cargo.lock decides it.
# shellcheck disable=SC2034
RUST_VERSION=1.96.0
CARGO_LEPTOS_VERSION=0.3.11
CARGO_DENY_VERSION=0.20.2
CARGO_NEXTEST_VERSION=0.9.143
CARGO_FUZZ_VERSION=0.13.2
CARGO_CYCLONEDX_VERSION=0.5.9
OHA_VERSION=1.16.0
WASM_BINDGEN_VERSION=$(awk '/^name = "wasm-bindgen"$/ { getline; gsub(/version = |"/, ""); print }' \
  "$project/Cargo.lock" 2>/dev/null) || true
WASM_BINDGEN_VERSION=${WASM_BINDGEN_VERSION:-0.2.130}

# Another place for what is built would not be found. This counts for more than any other setting of it, be it in the
# environment or in a developer's own configuration of cargo.
export CARGO_TARGET_DIR=$project/target

# A registry that stumbles for a moment is no reason to fail.
export CARGO_NET_RETRY=${CARGO_NET_RETRY:-10}

PATH=$project/tools/node_modules/.bin:$PATH
for callgate_tool in "wasm-bindgen-cli-$WASM_BINDGEN_VERSION" "cargo-leptos-$CARGO_LEPTOS_VERSION" \
  "cargo-deny-$CARGO_DENY_VERSION" "cargo-nextest-$CARGO_NEXTEST_VERSION" "cargo-fuzz-$CARGO_FUZZ_VERSION" "cargo-cyclonedx-$CARGO_CYCLONEDX_VERSION" \
  "oha-$OHA_VERSION"; do
  if [ -d "$SETUP_TOOLS/$callgate_tool/bin" ]; then PATH=$SETUP_TOOLS/$callgate_tool/bin:$PATH; fi
done
unset callgate_tool
export PATH

# Which Rust compiler: written by tools/setup/rust.sh, absent where the active one is used as it is.
if [ -f "$SETUP_TOOLS/toolchain.sh" ]; then
  # shellcheck source=/dev/null
  . "$SETUP_TOOLS/toolchain.sh"
fi
