#!/usr/bin/env bash
# The release build against its own description, /api/openapi.json: on a free port, with data of its own.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"
cd "$project"

python=.venv/bin/python
program=target/release/callgate
out=target/openapi
data=$(mktemp -d)
server=''
cleanup() {
  if [ -n "$server" ]; then
    kill "$server" 2>/dev/null || true
    wait "$server" 2>/dev/null || true
  fi
  rm -rf "$data"
}
trap cleanup EXIT

port=$("$python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
base=https://localhost:$port
ca=$data/ca.pem
# There is a login before each call: let it cost next to nothing.
export CALLGATE_PASSWORDS_MEMORY_KIB=64 CALLGATE_PASSWORDS_ITERATIONS=1
"$program" cert --certs "$data" >"$data/server.log"
"$program" serve --data "$data" --certs "$data" --https "127.0.0.1:$port" --http off >>"$data/server.log" 2>&1 &
server=$!

# Ready once it answers a verified request, whatever it answers.
ready=no
for _ in {1..300}; do
  if curl --silent --noproxy '*' --output /dev/null --max-time 2 --cacert "$ca" "$base/"; then
    ready=yes
    break
  fi
  if ! kill -0 "$server" 2>/dev/null; then break; fi
  sleep 0.1
done
if [ $ready = no ]; then
  echo "The server did not get ready. Its output:" >&2
  cat "$data/server.log" >&2
  exit 1
fi

rm -rf "$out"
mkdir -p "$out"
status=0
timeout --kill-after=10 300 "$python" tests/client/openapi.py --base "$base" --ca "$ca" --program "$program" \
  --data "$data" --out "$out" || status=$?
if [ $status -eq 124 ]; then echo "Not done after five minutes; ended." >&2; fi
if [ $status -ne 0 ]; then
  cp "$data/server.log" "$out/server.log"
  echo "The output of schemathesis and of the server is in $out/." >&2
fi
exit $status
