# Set-up steps for what Node.js runs and for building the browser part: wasm-bindgen, cargo-leptos, wasm-opt, an OpenID provider.
# shellcheck shell=bash

have_wasm_bindgen() {
  [ "$(wasm-bindgen --version)" = "wasm-bindgen $WASM_BINDGEN_VERSION" ]
}

say_wasm_bindgen() {
  echo "wasm-bindgen $WASM_BINDGEN_VERSION, built from source (about 3 min on two cores)"
}

# The tool's lock file may name a crate that the registry does not serve; then build without it.
# The tool rewrites megabytes of WebAssembly in each build, so the crates that do this are optimised a little.
do_wasm_bindgen() {
  local crate options=(--bin wasm-bindgen)
  for crate in walrus wasmparser wasm-encoder leb128 leb128fmt gimli id-arena wasm-bindgen-cli-support wasm-bindgen-cli; do
    options+=(--config "profile.dev.package.$crate.opt-level=1")
  done
  cargo_tool wasm-bindgen-cli "$WASM_BINDGEN_VERSION" --locked "${options[@]}" ||
    cargo_tool wasm-bindgen-cli "$WASM_BINDGEN_VERSION" "${options[@]}"
}

have_cargo_leptos() {
  at_least "$(cargo-leptos --version | cut -d' ' -f2)" "$CARGO_LEPTOS_VERSION"
}

say_cargo_leptos() {
  echo "cargo-leptos $CARGO_LEPTOS_VERSION, built from source (about 7 min on two cores)"
}

do_cargo_leptos() {
  cargo_tool cargo-leptos "$CARGO_LEPTOS_VERSION" --locked --features no_downloads
}

have_wasm_opt() {
  have_npm_packages tools wasm-opt
}

say_wasm_opt() {
  echo "wasm-opt, from npm"
}

do_wasm_opt() {
  npm_packages tools
}

have_oidc_provider() {
  have_npm_packages tools/oidc-provider oidc-provider
}

say_oidc_provider() {
  echo "an OpenID provider to test with, from npm"
}

do_oidc_provider() {
  npm_packages tools/oidc-provider
}

# have_npm_packages <folder> <command or package>: whether the packages of the folder's lock file and that one are installed.
have_npm_packages() {
  node --version && { [ -x "$1/node_modules/.bin/$2" ] || [ -d "$1/node_modules/$2" ]; } &&
    [ "$(cat "$1/node_modules/.lock-hash")" = "$(sha256sum <"$1/package-lock.json")" ]
}

npm_packages() {
  if ! command -v node || ! command -v npm; then
    apt_install "Node.js 20 or later, with npm" nodejs npm
  fi
  # Debian 12 has an older version.
  if ! at_least "$(node --version | tr -d v)" 20; then
    echo "Node.js 20 or later is needed, and $(command -v node) is $(node --version). Install a newer one, then run this again." >&2
    return 1
  fi
  (cd "$1" && PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1 npm ci --no-fund --no-audit --fetch-retries=5)
  sha256sum <"$1/package-lock.json" >"$1/node_modules/.lock-hash"
}
