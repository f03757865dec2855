# Set-up steps for `make sbom` only.
# shellcheck shell=bash

have_node() {
  node --version && npm --version
}

say_node() {
  echo "Node.js with npm, from Debian's packages"
}

do_node() {
  apt_install "Node.js 20 or later, with npm" nodejs npm
}

have_cargo_cyclonedx() {
  case $(cargo-cyclonedx cyclonedx --version) in *" $CARGO_CYCLONEDX_VERSION") ;; *) return 1 ;; esac
}

say_cargo_cyclonedx() {
  echo "cargo-cyclonedx $CARGO_CYCLONEDX_VERSION, built from source (about 1 min on two cores)"
}

do_cargo_cyclonedx() {
  cargo_tool cargo-cyclonedx "$CARGO_CYCLONEDX_VERSION" --locked
}
