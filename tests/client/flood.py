"""Floods a server of its own with HTTP/2 frames, made by hand, and sees that it ends each flood, keeps its memory, and
serves others meanwhile (security check 99).

Loopback only, and bounded: each flood sends so many frames at the most, for so many seconds at the most.
"""

import argparse
import socket
import ssl
import struct
import sys
import time
import urllib.parse
import urllib.request

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = 0, 1, 2, 3, 4, 6, 7, 8, 9
END_STREAM, ACK, END_HEADERS = 0x1, 0x1, 0x4
CANCEL = 8
# How much the memory of the server may grow, in KiB.
GROWTH = 48 * 1024
SECONDS = 8


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def literal(name, value):
    """A header field without indexing (RFC 7541, 6.2.2), which needs no table."""
    return b"\0" + length(name) + name.encode() + length(value) + value.encode()


def length(text):
    """An integer with a prefix of seven bits (RFC 7541, 5.1), no Huffman coding."""
    number = len(text)
    if number < 127:
        return bytes([number])
    out, number = b"\x7f", number - 127
    while number >= 128:
        out, number = out + bytes([number % 128 + 128]), number // 128
    return out + bytes([number])


def request(method, path, *more):
    fields = [(":method", method), (":scheme", "https"), (":path", path), (":authority", "localhost"), *more]
    return b"".join(literal(name, value) for name, value in fields)


class Connection:
    def __init__(self, site):
        context = ssl.create_default_context(cafile=site.ca)
        context.set_alpn_protocols([site.protocol])
        plain = socket.create_connection(("127.0.0.1", site.port), timeout=20)
        self.socket = context.wrap_socket(plain, server_hostname="localhost")
        self.received = b""
        if site.protocol == "h2":
            self.send(PREFACE + frame(SETTINGS, 0, 0))

    def send(self, data):
        self.socket.sendall(data)

    def frames(self):
        """What has come so far, frame by frame."""
        while len(self.received) >= 9:
            size = int.from_bytes(self.received[:3], "big")
            if len(self.received) < 9 + size:
                return
            kind, flags, stream = struct.unpack(">BBI", self.received[3:9])
            payload, self.received = self.received[9 : 9 + size], self.received[9 + size :]
            yield kind, flags, stream, payload

    def end(self, seconds):
        """What the server said last: GOAWAY or RST_STREAM with its code, an answer, nothing, or that it closed."""
        self.socket.settimeout(seconds)
        try:
            while True:
                for kind, _, _, payload in self.frames():
                    if kind == GOAWAY:
                        return f"GOAWAY {int.from_bytes(payload[4:8], 'big')}"
                    if kind == RST_STREAM:
                        return f"RST_STREAM {int.from_bytes(payload[:4], 'big')}"
                    if kind == HEADERS:
                        return "answered"
                some = self.socket.recv(65536)
                if not some:
                    return "closed"
                self.received += some
        except TimeoutError:
            return "open"
        except OSError:
            return "closed"


def flood(connection, frames):
    """Sends frames until they are all sent, the server takes no more, or the time is up."""
    began, sent, batch = time.monotonic(), 0, b""
    connection.socket.settimeout(2)
    try:
        for piece in frames:
            batch += piece
            sent += 1
            if len(batch) > 16000:
                connection.send(batch)
                batch = b""
            if time.monotonic() - began > SECONDS:
                return sent, "went on"
        connection.send(batch)
    except TimeoutError:
        return sent, "was not read any further"
    except OSError:
        return sent, "was cut off"
    return sent, "was sent"


def rapid_reset():
    for number in range(30000):
        stream = 2 * number + 1
        yield frame(HEADERS, END_HEADERS | END_STREAM, stream, request("GET", "/"))
        yield frame(RST_STREAM, 0, stream, struct.pack(">I", CANCEL))


def continuation():
    yield frame(HEADERS, END_STREAM, 1, request("GET", "/"))
    for _ in range(60000):
        yield frame(CONTINUATION, 0, 1, literal("x-more", "x" * 1000))


def empty_continuation():
    yield frame(HEADERS, END_STREAM, 1, request("GET", "/"))
    for _ in range(400000):
        yield frame(CONTINUATION, 0, 1)


def settings():
    for _ in range(400000):
        yield frame(SETTINGS, 0, 0, struct.pack(">HI", 4, 65535))


def ping():
    for number in range(400000):
        yield frame(PING, 0, 0, struct.pack(">Q", number))


def empty_data():
    fields = [("content-type", "application/json")]
    yield frame(HEADERS, END_HEADERS, 1, request("POST", "/api/notauth_func", *fields))
    for _ in range(400000):
        yield frame(DATA, 0, 1)


def priority():
    for number in range(200000):
        yield frame(PRIORITY, 0, 2 * number + 1, struct.pack(">IB", 0, 16))


def window_overflow():
    for _ in range(3):
        yield frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", 2**31 - 1))


def large_list():
    # Within what one frame may hold, and beyond what the server says that it takes.
    block = request("GET", "/", *[(f"x-{number}", "y" * 600) for number in range(40)])
    yield frame(HEADERS, END_STREAM, 1, block[:16000])
    yield frame(CONTINUATION, END_HEADERS, 1, block[16000:])


# What must come of each flood: an end of the connection or stream, or, where every frame is allowed as such, that it costs
# the server nothing that lasts.
FLOODS = [
    (rapid_reset, True),
    (continuation, True),
    (empty_continuation, True),
    (settings, False),
    (ping, False),
    (empty_data, False),
    (priority, False),
    (window_overflow, True),
    # An answer will do here: 431.
    (large_list, True),
]


class Site:
    def __init__(self, base, ca, pid):
        self.base, self.ca, self.pid, self.protocol = base, ca, pid, "h2"
        self.port = urllib.parse.urlsplit(base).port

    def memory(self):
        """The resident memory of the server, in KiB."""
        with open(f"/proc/{self.pid}/status", encoding="ascii") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))

    def serves(self):
        """Whether somebody else is served now."""
        context = ssl.create_default_context(cafile=self.ca)
        with urllib.request.urlopen(f"{self.base}/livez", timeout=20, context=context) as answer:
            return answer.status == 200


def many_headers(site):
    """More headers over HTTP/1.1 than a request has."""
    site.protocol = "http/1.1"
    connection = Connection(site)
    lines = "".join(f"x-{number}: y\r\n" for number in range(150))
    connection.send(f"GET / HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n".encode())
    connection.socket.settimeout(20)
    status = connection.socket.recv(64).split()[1].decode()
    site.protocol = "h2"
    return status


def main():
    options = argparse.ArgumentParser()
    for name in ("base", "ca", "pid"):
        options.add_argument(f"--{name}", required=True)
    arguments = options.parse_args()
    site = Site(arguments.base, arguments.ca, arguments.pid)
    assert site.serves()
    passed = failed = 0

    def judge(name, is_good, said):
        nonlocal passed, failed
        passed, failed = passed + is_good, failed + (not is_good)
        print(f"{'ok  ' if is_good else 'FAIL'} {name}: {said}", flush=True)

    for frames, must_end in FLOODS:
        before = site.memory()
        connection = Connection(site)
        sent, way = flood(connection, frames())
        served = site.serves()
        # Where the end must come, it may take a while on a busy machine.
        end = connection.end(20 if must_end else 3)
        connection.socket.close()
        growth = site.memory() - before
        has_ended = end != "open" or way == "was cut off"
        is_good = served and growth < GROWTH and (has_ended or not must_end)
        judge(frames.__name__, is_good, f"{sent} frames, {way}; {end}; memory {growth:+} KiB; others served: {served}")
    status = many_headers(site)
    judge("many_headers", status in ("400", "431"), status)
    print(f"{passed} passed, {failed} failed")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
