#!/usr/bin/env bash
# Generates clients in Python and TypeScript from /api/openapi.json and runs them against the release build, on a free
# port and with separate data.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"
cd "$project"
. tools/server.sh
out=target/generated
typescript=tests/client/typescript

# The clients log in before each call, some with wrong passwords: make hashing cheap and raise the rate limits.
export CALLGATE_PASSWORDS_MEMORY_KIB=64 CALLGATE_PASSWORDS_ITERATIONS=1 CALLGATE_THROTTLE_ADDRESS_FAILURES=1000000 \
  CALLGATE_THROTTLE_ACCOUNT_FAILURES=1000000 CALLGATE_THROTTLE_ACCOUNT_DAY_FAILURES=1000000
# A closed registration would refuse its example before judging it.
export CALLGATE_REGISTRATION_OPEN=true
start_server --demo
rm -rf "$out" "$typescript/api"
mkdir -p "$out" "$typescript/api"
curl --silent --show-error --fail --noproxy '*' --cacert "$ca" --output "$out/openapi.json" "$base/api/openapi.json"

status=0
timeout --kill-after=10 600 "$python" tests/client/generated.py --base "$base" --ca "$ca" --document "$out/openapi.json" \
  --out "$out" --calls "$typescript/api/calls.ts" || status=1

npm_bin=$typescript/node_modules/.bin
# openapi-typescript continues after a warning, so any output on standard error is a failure.
if "$npm_bin/openapi-typescript" "$out/openapi.json" --output "$typescript/api/paths.ts" 2>"$out/openapi-typescript.log" &&
  [ ! -s "$out/openapi-typescript.log" ] && "$npm_bin/tsc" --project "$typescript"; then
  BASE=$base NODE_EXTRA_CA_CERTS=$ca timeout --kill-after=10 600 node "$typescript/api/js/client.js" || status=1
else
  cat "$out/openapi-typescript.log"
  echo "TypeScript: generating the client gave a warning, or its types do not match the examples."
  echo "0 passed, 1 failed"
  status=1
fi
exit $status
