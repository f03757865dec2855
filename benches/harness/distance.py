"""A TCP proxy that lets a server on this machine seem far away: `python -m harness.distance PORT TARGET_PORT MILLISECONDS`.

It delays what the server sends, which adds to each round trip. Threads, because an event loop waits for whole milliseconds only."""

import socket
import sys
import threading
import time


def forward(source: socket.socket, sink: socket.socket, seconds: float) -> None:
    try:
        while data := source.recv(65536):
            if seconds:
                time.sleep(seconds)
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        # Both directions end with either of them.
        for end in (source, sink):
            end.close()


def main() -> None:
    port, target, milliseconds = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    with socket.create_server(("127.0.0.1", port), backlog=128) as listener:
        while True:
            client, _ = listener.accept()
            server = socket.create_connection(("127.0.0.1", target))
            for end in (client, server):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for line in ((client, server, 0), (server, client, milliseconds / 1000)):
                threading.Thread(target=forward, args=line, daemon=True).start()


if __name__ == "__main__":
    main()
