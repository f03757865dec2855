# Sourced by the suites that test the release build. Starts a server on a free port, with data that is removed at the
# end.
# shellcheck shell=bash

python=.venv/bin/python
program=target/release/callgate
data=$(mktemp -d)
ca=$data/ca.pem
server=''
stop_server() {
  if [ -n "$server" ]; then
    kill "$server" 2>/dev/null || true
    wait "$server" 2>/dev/null || true
  fi
  rm -rf "$data"
}
trap stop_server EXIT

# start_server <option of serve>...: returns once the server answers a request over verified HTTPS. Sets $base.
start_server() {
  local port
  "$program" cert --certs "$data" >"$data/cert.log"
  # Another program may take the port before the server binds it.
  for _ in {1..5}; do
    port=$("$python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    base=https://localhost:$port
    "$program" serve --data "$data" --certs "$data" --https "127.0.0.1:$port" --http off "$@" >"$data/server.log" 2>&1 &
    server=$!
    for _ in {1..300}; do
      if curl --silent --noproxy '*' --output /dev/null --max-time 2 --cacert "$ca" "$base/"; then return 0; fi
      if ! kill -0 "$server" 2>/dev/null; then break; fi
      sleep 0.1
    done
    if ! grep -q 'cannot listen on' "$data/server.log"; then break; fi
  done
  echo "The server did not become ready. Its output:" >&2
  cat "$data/server.log" >&2
  return 1
}
