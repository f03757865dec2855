#!/usr/bin/env bash
# Floods of HTTP/2 frames against the release build, or the program named in FLOODED.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"
cd "$project"
. tools/server.sh
program=${FLOODED:-$program}
start_server --demo
timeout --kill-after=10 600 "$python" tests/client/flood.py --base "$base" --ca "$ca" --pid "$server"
