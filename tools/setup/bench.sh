# Set-up steps for `make bench` only: load generators and Flask-Login.
# shellcheck shell=bash

have_wrk() {
  command -v wrk
}

say_wrk() {
  echo "wrk, from Debian's packages"
}

do_wrk() {
  apt_install "wrk" wrk
}

have_oha() {
  [ "$(oha --version)" = "oha $OHA_VERSION" ]
}

say_oha() {
  echo "oha $OHA_VERSION, built from source (about 4 min on two cores)"
}

# Optimised, unlike the other tools, so that the load generator is not the bottleneck.
do_oha() {
  CARGO_TARGET_DIR=$SETUP_TOOLS/build cargo install --force --locked --root "$SETUP_TOOLS/oha-$OHA_VERSION" \
    "oha@$OHA_VERSION"
}

have_flask() {
  benches/flask_login/.venv/bin/python -c 'import flask_login, gunicorn' &&
    [ "$(cat benches/flask_login/.venv/.requirements-hash)" = "$(sha256sum <benches/flask_login/requirements.txt)" ]
}

say_flask() {
  echo "Flask, Flask-Login and gunicorn, from PyPI"
}

do_flask() {
  local venv=benches/flask_login/.venv
  if ! python3 -c 'import ensurepip'; then
    apt_install "Python 3.10 or later with venv" python3 python3-venv
  fi
  rm -rf "$venv"
  python3 -m venv "$venv"
  "$venv/bin/python" -m pip install --retries 10 --disable-pip-version-check --no-deps --requirement benches/flask_login/requirements.txt
  sha256sum <benches/flask_login/requirements.txt >"$venv/.requirements-hash"
}
