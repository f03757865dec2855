#!/usr/bin/env bash
# The TLS of the release build, seen by sslscan. `make attack` has testssl.sh look longer.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"
cd "$project"
. tools/server.sh
found=target/sslscan.xml

start_server --demo
rm -f "$found"
timeout --kill-after=10 600 sslscan --ipv4 --timeout=20 --no-colour --xml="$found" "${base#https://}" </dev/null
"$python" tests/client/sslscan.py "$found"
