# Set-up steps: a C compiler and basic tools; a Rust compiler with the browser target (wasm32-unknown-unknown).
# shellcheck shell=bash

have_basics() {
  command -v cc && command -v make && command -v pkg-config && command -v curl
}

say_basics() {
  echo "a C compiler, make, pkg-config and curl, from Debian's packages"
}

do_basics() {
  apt_install "a C compiler (cc), make, pkg-config and curl" gcc libc6-dev make pkg-config curl ca-certificates
}

# The pinned version or a later one.
right_rust() {
  at_least "$(rustc --version | cut -d' ' -f2)" "$RUST_VERSION"
}

# Checks the version and compiles a line that uses the standard library for the browser.
have_rust() {
  export RUSTUP_AUTO_INSTALL=0
  right_rust && cargo --version || return 1
  if [ "$SETUP_FOR" != run ]; then cargo clippy --version && cargo fmt --version || return 1; fi
  local output
  output=$(mktemp) || return 1
  echo 'pub fn f() -> String { String::new() }' | rustc --target wasm32-unknown-unknown --crate-type cdylib \
    ${CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER:+-C linker="$CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER"} -o "$output" -
  local status=$?
  rm -f "$output"
  return $status
}

say_rust() {
  echo "the Rust compiler $RUST_VERSION with the browser target (about 1 to 4 min)"
}

# Uses rustup. If its servers cannot be reached, or with SETUP_RUST=debian, uses Debian's compiler.
do_rust() {
  rm -f "$SETUP_TOOLS/toolchain.sh"
  unset RUSTUP_TOOLCHAIN CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER
  if [ "${SETUP_RUST:-}" != debian ] && rust_from_rustup; then return 0; fi
  rust_from_debian
}

rust_from_rustup() {
  command -v rustup && RUSTUP_MAX_RETRIES=1 timeout 600 rustup toolchain install "$RUST_VERSION" --no-self-update \
    --profile minimal --component clippy --component rustfmt --target wasm32-unknown-unknown || return 1
  echo "export RUSTUP_TOOLCHAIN=$RUST_VERSION" >"$SETUP_TOOLS/toolchain.sh"
}

# Not every system with apt-get has these packages; Ubuntu does not.
rust_from_debian() {
  local rustup_name=callgate-web lld
  if ! command -v apt-get || ! apt_install "Rust" rustc-web cargo-web rust-web-src rust-web-clippy rustfmt-web; then
    ask_for_rust
    return 1
  fi
  lld=$(apt-cache search --names-only '^lld-[0-9]+$' | cut -d' ' -f1 | sort -V | tail -n 1)
  apt_install "LLVM's linker" "$lld"
  if command -v rustup; then
    rustup toolchain link "$rustup_name" /usr
    echo "export RUSTUP_TOOLCHAIN=$rustup_name" >"$SETUP_TOOLS/toolchain.sh.new"
  else
    # Expanded when the file is sourced, hence the single quotes.
    # shellcheck disable=SC2016
    echo 'export PATH=/usr/bin:$PATH' >"$SETUP_TOOLS/toolchain.sh.new"
  fi
  echo "export CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER=wasm-ld-${lld#lld-}" >>"$SETUP_TOOLS/toolchain.sh.new"
  # shellcheck source=/dev/null
  . "$SETUP_TOOLS/toolchain.sh.new"
  if ! right_rust; then
    ask_for_rust
    return 1
  fi
  browser_standard_library
  mv "$SETUP_TOOLS/toolchain.sh.new" "$SETUP_TOOLS/toolchain.sh"
}

ask_for_rust() {
  echo "Callgate needs Rust $RUST_VERSION or later, and set-up could not install it."
  echo "Found: $(rustc --version 2>/dev/null || echo "no Rust")."
  if command -v rustup >/dev/null; then
    echo "The output of rustup is in target/setup/rust.log. Start again once \`rustup toolchain install $RUST_VERSION\` works."
  else
    echo "Install rustup (https://rustup.rs) and start again in a new shell; set-up does the rest. Or install" \
      "Rust $RUST_VERSION or later by hand: rustc, cargo, clippy, rustfmt, and rust-std for wasm32-unknown-unknown."
  fi
} >&2

# Debian's compiler has no standard library for the browser target, so build it once from source. A stable compiler
# needs RUSTC_BOOTSTRAP for that.
browser_standard_library() {
  local target=wasm32-unknown-unknown work=$SETUP_TOOLS/build/std sysroot into
  sysroot=$(rustc --print sysroot)
  into=$sysroot/lib/rustlib/$target/lib
  rm -rf "$work"
  mkdir -p "$work/src"
  printf '[package]\nname = "empty"\nedition = "2024"\n' >"$work/Cargo.toml"
  : >"$work/src/lib.rs"
  (cd "$work" && export RUSTC_BOOTSTRAP=1 CARGO_TARGET_DIR=$work/target CARGO_BUILD_BUILD_DIR=$work/target &&
    export RUSTFLAGS="${RUSTFLAGS:-} -Cembed-bitcode=yes --remap-path-prefix=$sysroot/lib/rustlib/src/rust=rust" &&
    cargo build --release --target "$target" -Zbuild-std=core,alloc,std,panic_abort,proc_macro)
  rm -f "$work/target/$target/release/deps"/libempty-*.rlib
  as_root mkdir -p "$into"
  as_root find "$into" -name '*.rlib' -delete
  as_root cp "$work/target/$target/release/deps"/*.rlib "$into/"
}
