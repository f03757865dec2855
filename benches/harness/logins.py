"""Measures logins, and the effect of a flood of logins on other calls."""

import os
import resource
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

from . import load
from .growth import store
from .servers import PEERS, Bench, Server

LOGIN = '{"user_id":"%s","password":"%s","remember":false}'
USERS = 1_000
ROUNDS = 5
SECONDS = 6
FLOOD_SECONDS = 8


@dataclass
class Hashing:
    """Passwords hashed per second, and CPU milliseconds per password."""

    rate: float
    core_ms: float


def bare_hashing() -> Hashing:
    """The speed of the bare argon2 library on all cores."""
    # Longer than idle hashing threads live, so that those of the previous round have ended.
    seconds = 4
    line = [PEERS / "hashes", str(os.cpu_count()), str(seconds)]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    rate = float(subprocess.run(line, check=True, capture_output=True, text=True).stdout)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    core_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Hashing(rate, core_s * 1000 / (rate * seconds))


def core_ms(server: Server) -> float:
    """The CPU time of the server so far, in milliseconds."""
    # proc_pid_stat(5): utime and stime are fields 14 and 15. The name of the program before them can contain spaces.
    fields = Path(f"/proc/{server.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * 1000 / os.sysconf("SC_CLK_TCK")


def logins_a_second(server: Server, bodies: Path) -> Hashing:
    """Logins of many users, nine concurrently. One more than are hashed at once is too few to keep hashing busy."""
    before = core_ms(server)
    found = load.run(server, "/api/login", seconds=SECONDS, connections=9, body=bodies)
    return Hashing(found.rate, (core_ms(server) - before) / (found.rate * SECONDS))


def measure(bench: Bench) -> dict:
    """Measures logins in alternation with bare hashing, then the flood."""
    # All logins come from one IP here, and those that are aborted at the end of a round would count as failures in the
    # next one.
    one_address = {"throttle_address_failures": "1000000"}
    data, bodies = bench.folder / "logins", bench.folder / "logins.jsonl"
    bench.stop(bench.callgate(data, **one_address))
    store(data / "callgate.db", USERS)
    bodies.write_text("".join(LOGIN % (f"u{number:07}", "user_01") + "\n" for number in range(USERS)))
    server = bench.callgate(data, **one_address)
    rounds = [(bare_hashing(), logins_a_second(server, bodies)) for _ in range(ROUNDS)]
    bench.stop(server)

    def middle(of: Callable[[Hashing, Hashing], float]) -> float:
        return median(of(bare, login) for bare, login in rounds)

    return {
        "bare_hashes": middle(lambda bare, _: bare.rate),
        "logins": middle(lambda _, login: login.rate),
        "ratio": middle(lambda bare, login: login.rate / bare.rate),
        "bare_core_ms": middle(lambda bare, _: bare.core_ms),
        "login_core_ms": middle(lambda _, login: login.core_ms),
        "flood": flood(bench),
    }


def flood(bench: Bench) -> dict:
    """Measures calls of a live session while 500 logins run concurrently."""
    # All logins come from one IP here, which would be throttled long before the server is overloaded.
    server = bench.callgate(bench.folder / "flood", throttle_address_failures="1000000")
    server.log_in()
    time.sleep(3)
    idle = server.memory_mb()
    calls_line = load.start(server, "/api/auth_func", FLOOD_SECONDS + 2, 4, load.BODY)
    # With the right password, because the throttle per account counts wrong ones. Without a cookie, because a login
    # ends the session that it is sent with.
    nobody = replace(server, cookie="")
    flood_line = load.start(nobody, "/api/login", FLOOD_SECONDS, 500, LOGIN % ("user02", "user_02"))
    most = [idle]
    done = threading.Event()

    def watch() -> None:
        while not done.wait(0.05):
            most.append(server.memory_mb())

    watching = threading.Thread(target=watch)
    watching.start()
    flooded, calls = (load.read(process.communicate()[0]) for process in (flood_line, calls_line))
    assert set(calls.statuses) == {"200"}, calls.statuses
    done.set()
    watching.join()
    # By now the memory used for hashing is released.
    time.sleep(12)
    row = {
        "calls": calls.json(),
        "logins": flooded.json(),
        "idle_mb": idle,
        "most_mb": max(most),
        "after_mb": server.memory_mb(),
    }
    bench.stop(server)
    return row
