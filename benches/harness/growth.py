"""Measures calls and logins with up to a million stored users and sessions."""

import base64
import hashlib
import json
import os
import sqlite3
import time
from pathlib import Path
from statistics import median

from . import load
from .servers import Bench, Server

SIZES = (1_000, 100_000, 1_000_000)
# The number of sessions that take turns calling.
CALLERS = 1_000
ROUNDS = 7
SECONDS = 2


def token(number: int) -> bytes:
    """The token of a sample session."""
    return hashlib.sha256(b"session %d" % number).digest()[:16]


def store(database: Path, size: int) -> None:
    """Stores `size` users with one session each, in the rows that Callgate writes."""
    now = int(time.time() * 1000)
    connection = sqlite3.connect(database)
    connection.execute("PRAGMA synchronous = OFF")
    (password_hash,) = connection.execute("SELECT password_hash FROM users WHERE user_id = 'user01'").fetchone()
    names = [f"u{number:07}" for number in range(size)]
    with connection:
        connection.executemany(
            "INSERT INTO users (user_id, password_hash, active, demo, created_at, changed_at, folded_name, skeleton)"
            " VALUES (?1, ?2, TRUE, FALSE, ?3, ?3, ?1, ?1)",
            ((name, password_hash, now) for name in names),
        )
        data = {"at": now, "password_at": now, "series": None, "user_changed_at": now}
        origin = {"device": "a program", "address": "127.0.0.1"}
        connection.executemany(
            "INSERT INTO sessions (token_hash, user_id, data, logged_in_at, last_used_at) VALUES (?1, ?2, ?3, ?4, ?4)",
            (
                (
                    hashlib.sha256(token(number)).digest(),
                    name,
                    json.dumps({"login": {"user_id": name, **data, "origin": origin}}),
                    now,
                )
                for number, name in enumerate(names)
            ),
        )
    connection.close()


def login_ms(server: Server) -> float:
    """The median duration of twenty logins."""
    times = []
    for _ in range(20):
        began = time.monotonic()
        server.log_in()
        times.append((time.monotonic() - began) * 1000)
    return median(times)


def measure(bench: Bench) -> list[dict]:
    """Measures all sizes in alternation."""
    servers = []
    sessions = [base64.urlsafe_b64encode(token(number)).decode().rstrip("=") for number in range(CALLERS)]
    for size in SIZES:
        data = bench.folder / f"growth_{size}"
        bench.stop(bench.callgate(data))
        store(data / "callgate.db", size)
        server = bench.callgate(data)
        cookies = bench.folder / f"cookies_{size}.txt"
        cookies.write_text("".join(f"__Host-callgate-{server.port}={session}\n" for session in sessions))
        servers.append((size, server, cookies, server.started_in, server.memory_mb()))
    rates: dict[int, list[float]] = {size: [] for size in SIZES}
    for number in range(ROUNDS):
        # Rotate the order, so that no size always runs first.
        for at in range(len(servers)):
            size, server, cookies, _, _ = servers[(number + at) % len(servers)]
            rates[size].append(load.run_sessions(server, cookies, SECONDS))
    rows = []
    for size, server, _, started_in, memory in servers:
        row = {
            "stored": size,
            "rate": median(rates[size]),
            # The median of the ratios per round: a temporary slowdown of the machine affects all sizes.
            "ratio": median(own / first for own, first in zip(rates[size], rates[SIZES[0]], strict=True)),
            "login_ms": login_ms(server),
            "start_ms": started_in * 1000,
            "idle_mb": memory,
            "loaded_mb": server.memory_mb(),
            "file_mb": os.path.getsize(bench.folder / f"growth_{size}/callgate.db") / 1e6,
        }
        rows.append(row)
        bench.stop(server)
    return rows
