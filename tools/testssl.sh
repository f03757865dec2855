#!/usr/bin/env bash
# Runs testssl.sh against the release build (or the program in SCANNED). tests/client/testssl.py judges the findings.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"
cd "$project"
. tools/server.sh
program=${SCANNED:-$program}
start_server --demo
found=$data/testssl.json
timeout --kill-after=10 420 testssl --quiet --warnings off --nodns none --color 0 --add-ca "$ca" --jsonfile "$found" \
  "$base" >"$data/testssl.log" 2>&1 || true
"$python" tests/client/testssl.py "$found"
