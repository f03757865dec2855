#!/usr/bin/env bash
# Runs the Rust tests except doctests with cargo-nextest. Arguments go to cargo-nextest. Most tests start their own
# server with a copy of a template data folder. Tests that change nothing share one server (tests/support/fixture.rs).
# Tests with PostgreSQL share one PostgreSQL server (tests/support/postgres/). With TEST_ENGINE=postgres, the servers of all
# tests use it (tests/support/engine.rs).
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"
cd "$project"
. tools/setup/postgres.sh
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
postgres_folder=$(mktemp -d)
postgres=''
stop_postgres() {
  if [ -n "$postgres" ]; then
    kill -QUIT "$postgres" 2>/dev/null || true
    wait "$postgres" 2>/dev/null || true
    postgres=''
  fi
}
trap 'stop_shared; stop_postgres; rm -rf "$folder" "$postgres_folder"' EXIT

# Starts a demo in $folder at $https and $http, with the settings QUICK and UNTHROTTLED of tests/support/server.rs.
# Returns once it is ready.
try_shared() {
  # Below the ports that the tests use.
  https=127.0.0.1:$((18000 + RANDOM % 1000)) http=127.0.0.1:$((19000 + RANDOM % 1000))
  rm -f "$folder/output"
  env -C "$folder" -i ${database:+CALLGATE_DATABASE_URL="$database"} CALLGATE_SITE_FILES="$folder/site" CALLGATE_PASSWORDS_MEMORY_KIB=64 CALLGATE_PASSWORDS_ITERATIONS=1 \
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

# Starts PostgreSQL in $postgres_folder at $postgres_port, with SETTINGS of tests/support/postgres/mod.rs. Returns once it is
# ready. Root runs it as the user of Debian's packages, because PostgreSQL refuses to run as root.
init_postgres() {
  as_postgres=(env -C "$postgres_folder" -i LC_ALL=C setpriv --pdeathsig QUIT)
  if [ "$(id -u)" -eq 0 ]; then
    chown postgres: "$postgres_folder"
    as_postgres+=(--reuid postgres --regid postgres --init-groups)
  fi
  "${as_postgres[@]}" "$postgres_programs/initdb" --pgdata data --username postgres --auth trust --encoding UTF8 \
    --locale C --no-sync >/dev/null
}
try_postgres() {
  postgres_port=$((17000 + RANDOM % 1000))
  "${as_postgres[@]}" "$postgres_programs/postgres" -D data -k "$postgres_folder" -p "$postgres_port" \
    -c listen_addresses=127.0.0.1 -c fsync=off -c max_connections=300 -c dynamic_shared_memory_type=mmap \
    </dev/null >>"$postgres_folder/log" 2>&1 &
  postgres=$!
  until "$postgres_programs/createuser" -h "$postgres_folder" -p "$postgres_port" -U postgres callgate 2>/dev/null; do
    if ! kill -0 "$postgres" 2>/dev/null; then return 1; fi
    sleep 0.1
  done
}
start_postgres() {
  init_postgres
  for _ in {1..5}; do
    if try_postgres; then return 0; fi
  done
  cat "$postgres_folder/log" >&2
  return 1
}

mkdir -p "$folder/site/pkg"
echo 'export {}' >"$folder/site/pkg/callgate.js"
echo '<svg/>' >"$folder/site/favicon.svg"
# Without PostgreSQL, the tests that need it fail and say so.
if postgres_programs=$(postgres_programs); then
  start_postgres
  export TEST_POSTGRES="$postgres_port $postgres_folder"
fi
# The database of the shared server on PostgreSQL, made from a template.
database=''
use_database() {
  if [ "${TEST_ENGINE:-sqlite}" = postgres ]; then
    "$postgres_programs/createdb" -h "$postgres_folder" -p "$postgres_port" -U postgres -O callgate -T "$2" "$1"
    database=postgres://callgate@127.0.0.1:$postgres_port/$1
  fi
}
use_database template_demo template1
start_shared
stop_shared
cp -a "$folder/data" "$folder/template"
use_database shared_demo template_demo
start_shared
status=0
TEST_TEMPLATE=$folder/template TEST_SERVER="$https $http $folder" cargo nextest run --features ssr "$@" || status=$?
# The unit tests of what uses the database directly, on PostgreSQL as well.
if [ $# -eq 0 ] && [ -n "$postgres" ] && [ "${TEST_ENGINE:-sqlite}" != postgres ]; then
  TEST_ENGINE=postgres cargo nextest run --features ssr --lib \
    -E 'test(/^server::(storage|sessions|throttle|audit|auth|accounts)::/)' || status=$?
fi
exit $status
