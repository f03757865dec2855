#!/usr/bin/env bash
# Runs the Rust tests except doctests with cargo-nextest. Arguments go to cargo-nextest. Most tests start their own
# server with a copy of a template data folder. Tests that change nothing share one server (tests/support/fixture.rs).
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"
cd "$project"
cargo nextest run --no-run --features ssr

folder=$(mktemp -d)
server=''
stop_shared() {
  if [ -n "$server" ]; then
    kill "$server" 2>/dev/null || true
    wait "$server" 2>/dev/null || true
    server=''
  fi
}
trap 'stop_shared; rm -rf "$folder"' EXIT

# Starts a demo in $folder at $https and $http, with the settings QUICK and UNTHROTTLED of tests/support/server.rs.
# Returns once it is ready.
try_shared() {
  # Below the ports that the tests use.
  https=127.0.0.1:$((18000 + RANDOM % 1000)) http=127.0.0.1:$((19000 + RANDOM % 1000))
  rm -f "$folder/output"
  env -C "$folder" -i CALLGATE_SITE_FILES="$folder/site" CALLGATE_PASSWORDS_MEMORY_KIB=64 CALLGATE_PASSWORDS_ITERATIONS=1 \
    CALLGATE_PASSWORDS_MAX_WAIT_MS=100000 CALLGATE_LIMITS_CALL_SECONDS=120 CALLGATE_HTTPS_HANDSHAKE_SECONDS=120 \
    CALLGATE_HTTPS_HEADER_SECONDS=120 CALLGATE_HTTPS_BODY_SECONDS=120 CALLGATE_THROTTLE_ADDRESS_FAILURES=1000000 \
    CALLGATE_THROTTLE_ACCOUNT_FAILURES=1000000 CALLGATE_THROTTLE_ACCOUNT_DAY_FAILURES=1000000 \
    CALLGATE_LIMITS_KEPT_CALLS_PER_MINUTE=1000000 \
    "$CARGO_TARGET_DIR/debug/callgate" serve --demo --https "$https" --http "$http" </dev/null >"$folder/output" 2>>"$folder/log" &
  server=$!
  until grep -qs '^Callgate is ready at' "$folder/output"; do
    if ! kill -0 "$server" 2>/dev/null; then return 1; fi
    sleep 0.1
  done
}
# Retries, because another program may have taken a port.
start_shared() {
  for _ in {1..5}; do
    if try_shared; then return 0; fi
  done
  cat "$folder/log" >&2
  return 1
}

mkdir -p "$folder/site/pkg"
echo 'export {}' >"$folder/site/pkg/callgate.js"
echo '<svg/>' >"$folder/site/favicon.svg"
start_shared
stop_shared
cp -a "$folder/data" "$folder/template"
start_shared
TEST_TEMPLATE=$folder/template TEST_SERVER="$https $http $folder" cargo nextest run --features ssr "$@"
