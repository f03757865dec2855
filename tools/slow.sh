#!/usr/bin/env bash
# Slow connections by the hundred against the release build, or the program named in SLOWED.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"
cd "$project"
. tools/server.sh
program=${SLOWED:-$program}
start_server --demo
timeout --kill-after=10 300 "$python" tests/client/slow.py --base "$base" --ca "$ca"
