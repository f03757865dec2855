#!/usr/bin/env bash
# The old service's Python client, its nine steps, against the release build: on a free port, with data of its own.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"
cd "$project"

python=.venv/bin/python
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
target/release/callgate serve --demo --data "$data" --certs "$data" --https "127.0.0.1:$port" --http off >"$data/server.log" 2>&1 &
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

"$python" tests/client/nine_steps.py --base "$base" --ca "$ca" | tee "$data/steps.log"
if ! grep -qE '^9 passed, 0 failed' "$data/steps.log"; then
  echo "The client should have passed nine steps." >&2
  exit 1
fi
