# Sourced by every other script: defines paths and versions, and adds the tools that set-up installed to PATH.
# The prefix is SETUP_, because the server treats CALLGATE_ variables as settings and rejects unknown ones.
# shellcheck shell=bash

# Without symbolic links, as cargo sees it.
project=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)

# Command line tools that set-up builds are outside the project, so that all clones share them.
SETUP_TOOLS=${SETUP_TOOLS:-${XDG_CACHE_HOME:-$HOME/.cache}/callgate}

# Later versions of Rust, cargo-leptos, cargo-nextest and cargo-deny also work. The version of wasm-bindgen's command
# must equal that of the crate in Cargo.lock.
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

# The scripts expect this target folder. The variable overrides a developer's own cargo configuration.
export CARGO_TARGET_DIR=$project/target

# Tolerate short outages of a registry.
export CARGO_NET_RETRY=${CARGO_NET_RETRY:-10}

PATH=$project/tools/node_modules/.bin:$PATH
for callgate_tool in "wasm-bindgen-cli-$WASM_BINDGEN_VERSION" "cargo-leptos-$CARGO_LEPTOS_VERSION" \
  "cargo-deny-$CARGO_DENY_VERSION" "cargo-nextest-$CARGO_NEXTEST_VERSION" "cargo-fuzz-$CARGO_FUZZ_VERSION" "cargo-cyclonedx-$CARGO_CYCLONEDX_VERSION" \
  "oha-$OHA_VERSION"; do
  if [ -d "$SETUP_TOOLS/$callgate_tool/bin" ]; then PATH=$SETUP_TOOLS/$callgate_tool/bin:$PATH; fi
done
unset callgate_tool
export PATH

# Selects the Rust compiler. Written by tools/setup/rust.sh; missing if the active compiler is used.
if [ -f "$SETUP_TOOLS/toolchain.sh" ]; then
  # shellcheck source=/dev/null
  . "$SETUP_TOOLS/toolchain.sh"
fi
