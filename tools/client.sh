#!/usr/bin/env bash
# Runs the nine steps of the old service's Python client against the release build, on a free port and with separate
# data.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"
cd "$project"
. tools/server.sh

start_server --demo
"$python" tests/client/nine_steps.py --base "$base" --ca "$ca" | tee "$data/steps.log"
if ! grep -qE '^9 passed, 0 failed' "$data/steps.log"; then
  echo "The client did not pass all nine steps." >&2
  exit 1
fi
