# Set-up steps that only `make attack` needs: scanners and load tools from Debian's packages.
# shellcheck shell=bash

have_scanners() {
  command -v testssl && command -v slowhttptest
}

say_scanners() {
  echo "testssl.sh and slowhttptest, from Debian's packages (about 1 min)"
}

do_scanners() {
  apt_install "testssl.sh and slowhttptest" testssl.sh slowhttptest
}
