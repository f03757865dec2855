#!/usr/bin/env bash
# Clients that are generated from /api/openapi.json, in Python and TypeScript, against the release build: on a free port, with
# data of its own.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"
cd "$project"
. tools/server.sh
out=target/generated
typescript=tests/client/typescript

# There is a login before each call: let it cost next to nothing, and let those that the examples get wrong not count.
export CALLGATE_PASSWORDS_MEMORY_KIB=64 CALLGATE_PASSWORDS_ITERATIONS=1 CALLGATE_THROTTLE_ADDRESS_FAILURES=1000000 \
  CALLGATE_THROTTLE_ACCOUNT_FAILURES=1000000 CALLGATE_THROTTLE_ACCOUNT_DAY_FAILURES=1000000
# A closed registration would refuse its example before it is looked at.
export CALLGATE_REGISTRATION_OPEN=true
start_server --demo
rm -rf "$out" "$typescript/api"
mkdir -p "$out" "$typescript/api"
curl --silent --show-error --fail --noproxy '*' --cacert "$ca" --output "$out/openapi.json" "$base/api/openapi.json"

status=0
timeout --kill-after=10 600 "$python" tests/client/generated.py --base "$base" --ca "$ca" --document "$out/openapi.json" \
  --out "$out" --calls "$typescript/api/calls.ts" || status=1

npm_bin=$typescript/node_modules/.bin
# openapi-typescript prints a warning and goes on: anything that it prints to standard error fails.
if "$npm_bin/openapi-typescript" "$out/openapi.json" --output "$typescript/api/paths.ts" 2>"$out/openapi-typescript.log" &&
  [ ! -s "$out/openapi-typescript.log" ] && "$npm_bin/tsc" --project "$typescript"; then
  BASE=$base NODE_EXTRA_CA_CERTS=$ca timeout --kill-after=10 600 node "$typescript/api/js/client.js" || status=1
else
  cat "$out/openapi-typescript.log"
  echo "TypeScript: the client is not generated without a warning, or its types do not fit the examples."
  echo "0 passed, 1 failed"
  status=1
fi
exit $status
