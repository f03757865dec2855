# Set-up steps for `make attack` only: a TLS scanner and cargo-fuzz.
# shellcheck shell=bash

have_scanners() {
  command -v testssl
}

say_scanners() {
  echo "testssl.sh, from Debian's packages (about 1 min)"
}

do_scanners() {
  apt_install "testssl.sh" testssl.sh
}

# The crate libfuzzer-sys compiles libFuzzer, which is C++.
have_cargo_fuzz() {
  command -v c++ && [ "$(cargo-fuzz --version)" = "cargo-fuzz $CARGO_FUZZ_VERSION" ]
}

say_cargo_fuzz() {
  echo "cargo-fuzz $CARGO_FUZZ_VERSION, built from source (about 1 min on two cores), with a C++ compiler"
}

do_cargo_fuzz() {
  if ! command -v c++; then apt_install "a C++ compiler" g++; fi
  cargo_tool cargo-fuzz "$CARGO_FUZZ_VERSION" --locked
}
