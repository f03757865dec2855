# Set-up steps: a C compiler and the like; a Rust compiler for this machine and for the browser (wasm32-unknown-unknown).
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

# This version and no newer one: the browser part is built with unstable flags (tools/build.sh), which any version may
# change, and a newer one has lints that the code has not met. Debian's compiler may be newer, because Debian has but one.
right_rust() {
  local version
  version=$(rustc --version | cut -d' ' -f2)
  [ "$version" = "$RUST_VERSION" ] || { [ "${SETUP_RUST_FROM:-}" = debian ] && at_least "$version" "$RUST_VERSION"; }
}

# A compiler will do if it is the right one and really makes a browser module of a line that uses the standard library.
have_rust() {
  export RUSTUP_AUTO_INSTALL=0
  right_rust && cargo --version || return 1
  if [ "$SETUP_FOR" != run ]; then cargo clippy --version && cargo fmt --version || return 1; fi
  local made
  made=$(mktemp) || return 1
  echo 'pub fn f() -> String { String::new() }' | rustc --target wasm32-unknown-unknown --crate-type cdylib \
    ${CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER:+-C linker="$CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER"} -o "$made" -
  local status=$?
  rm -f "$made"
  return $status
}

say_rust() {
  echo "the Rust compiler $RUST_VERSION with the browser target (about 1 to 4 min)"
}

# The ordinary way is rustup. Where its servers are out of reach, Debian's compiler does as well.
# SETUP_RUST=debian takes Debian's at once.
do_rust() {
  rm -f "$SETUP_TOOLS/toolchain.sh"
  unset RUSTUP_TOOLCHAIN CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER SETUP_RUST_FROM
  if [ "${SETUP_RUST:-}" != debian ] && rust_from_rustup; then return 0; fi
  rust_from_debian
}

rust_from_rustup() {
  command -v rustup && RUSTUP_MAX_RETRIES=1 timeout 600 rustup toolchain install "$RUST_VERSION" --no-self-update \
    --profile minimal --component clippy --component rustfmt --target wasm32-unknown-unknown || return 1
  echo "export RUSTUP_TOOLCHAIN=$RUST_VERSION" >"$SETUP_TOOLS/toolchain.sh"
}

# Not every system with apt-get has these packages: Ubuntu has none of them.
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
  echo "export SETUP_RUST_FROM=debian CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER=wasm-ld-${lld#lld-}" \
    >>"$SETUP_TOOLS/toolchain.sh.new"
  # shellcheck source=/dev/null
  . "$SETUP_TOOLS/toolchain.sh.new"
  if ! right_rust; then
    ask_for_rust
    return 1
  fi
  browser_standard_library
  mv "$SETUP_TOOLS/toolchain.sh.new" "$SETUP_TOOLS/toolchain.sh"
}

# What to do where set-up cannot get the compiler.
ask_for_rust() {
  echo "Callgate is built with Rust $RUST_VERSION and no other, and set-up could not install it."
  echo "What is here: $(rustc --version 2>/dev/null || echo "no Rust")."
  if command -v rustup >/dev/null; then
    echo "What rustup said is in target/setup/rust.log. Once \`rustup toolchain install $RUST_VERSION\` works here, start again."
  else
    echo "Please install rustup (https://rustup.rs) and start again in a new shell: set-up gets the rest with it. Or install" \
      "exactly Rust $RUST_VERSION by hand: rustc, cargo, clippy, rustfmt, rust-src, and rust-std for wasm32-unknown-unknown."
  fi
} >&2

# Debian's compiler comes without a standard library for the browser target: build it from its sources, once.
browser_standard_library() {
  local target=wasm32-unknown-unknown into
  into=$(rustc --print sysroot)/lib/rustlib/$target/lib
  build_standard_library
  as_root mkdir -p "$into"
  as_root find "$into" -name '*.rlib' -delete
  as_root cp "$SETUP_TOOLS/build/std/target/$target/release/deps"/*.rlib "$into/"
}

# build_standard_library <cargo's further arguments>...
# Builds the browser's standard library from its sources. Only with RUSTC_BOOTSTRAP does a stable compiler do that.
build_standard_library() {
  local target=wasm32-unknown-unknown work=$SETUP_TOOLS/build/std
  rm -rf "$work"
  mkdir -p "$work/src"
  printf '[package]\nname = "empty"\nedition = "2024"\n' >"$work/Cargo.toml"
  : >"$work/src/lib.rs"
  (cd "$work" && export RUSTC_BOOTSTRAP=1 RUSTFLAGS="${RUSTFLAGS:-} -Cembed-bitcode=yes" \
    CARGO_TARGET_DIR=$work/target CARGO_BUILD_BUILD_DIR=$work/target &&
    cargo build --release --target "$target" -Zbuild-std=core,alloc,std,panic_abort,proc_macro "$@")
  rm -f "$work/target/$target/release/deps"/libempty-*.rlib
}

# The one that a release's browser part is built with: see tools/build.sh.
have_small_std() {
  [ -d "$(small_std)/lib" ]
}

say_small_std() {
  echo "the browser's standard library, built small from its sources (about 1 min)"
}

do_small_std() {
  local sources into is_added=
  sources=$(rustc --print sysroot)/lib/rustlib/src/rust/library
  if [ ! -d "$sources" ] && command -v rustup; then
    rustup component add rust-src
    is_added=yes
  fi
  if [ ! -d "$sources" ]; then
    echo "Please install rust-src, the sources of the standard library of $(rustc --version), so that they lie in $sources." \
      "Then start again." >&2
    return 1
  fi
  # It names its sources where it panics: not by their place on this machine.
  RUSTFLAGS="$(small_std_flags) --remap-path-prefix=${sources%/library}=rust" CARGO_PROFILE_RELEASE_OPT_LEVEL=z \
    build_standard_library -Zbuild-std-features=optimize_for_size
  into=$(small_std).new
  rm -rf "$into" "$(small_std)"
  mkdir -p "$into/lib/rustlib/wasm32-unknown-unknown/lib"
  cp "$SETUP_TOOLS/build/std/target/wasm32-unknown-unknown/release/deps"/*.rlib \
    "$into/lib/rustlib/wasm32-unknown-unknown/lib/"
  # Where the compiler finds the sources, it writes their place on this machine into whatever it builds.
  if [ -n "$is_added" ]; then rustup component remove rust-src; fi
  mv "$into" "$(small_std)"
}
