#!/usr/bin/env bash
# Tests the release build against its own /api/openapi.json, on a free port and with separate data. Arguments go to
# openapi.py.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"
cd "$project"
. tools/server.sh
out=target/openapi

# The suite logs in before each call, often with wrong passwords: make hashing cheap and raise the rate limits.
export CALLGATE_PASSWORDS_MEMORY_KIB=64 CALLGATE_PASSWORDS_ITERATIONS=1 CALLGATE_THROTTLE_ADDRESS_FAILURES=1000000 \
  CALLGATE_THROTTLE_ACCOUNT_FAILURES=1000000 CALLGATE_THROTTLE_ACCOUNT_DAY_FAILURES=1000000
# Keep connections open that the suite is about to use again.
export CALLGATE_HTTPS_HEADER_SECONDS=60
start_server
rm -rf "$out"
mkdir -p "$out"
status=0
timeout --kill-after=10 1800 "$python" tests/client/openapi.py --base "$base" --ca "$ca" --program "$program" \
  --data "$data" --out "$out" "$@" || status=$?
if [ $status -eq 124 ]; then echo "Timeout after half an hour." >&2; fi
if [ $status -ne 0 ]; then
  cp "$data/server.log" "$out/server.log"
  echo "The output of schemathesis and of the server is in $out/." >&2
fi
exit $status
