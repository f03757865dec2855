"""How fast logins are, and what a flood of them does to everybody else."""

import os
import resource
import subprocess
import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path

from . import load
from .servers import PEERS, Bench, Server

LOGIN = '{"user_id":"user0%d","password":"user_0%d","remember":false}'
SECONDS = 8


@dataclass
class Hashing:
    """How many passwords are hashed in a second, and how long a core is busy with one, in milliseconds."""

    rate: float
    core_ms: float


def bare_hashing() -> Hashing:
    """What the bare library reaches on these cores."""
    seconds = 5
    line = [PEERS / "hashes", str(os.cpu_count()), str(seconds)]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    rate = float(subprocess.run(line, check=True, capture_output=True, text=True).stdout)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    core_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Hashing(rate, core_s * 1000 / (rate * seconds))


def core_ms_of_hashing(server: Server) -> float:
    """How long the threads that hash were on a core so far."""
    total = 0.0
    for thread in Path(f"/proc/{server.process.pid}/task").iterdir():
        if (thread / "comm").read_text().strip() == "passwords":
            total += int((thread / "schedstat").read_text().split()[0]) / 1e6
    return total


def logins_a_second(server: Server) -> Hashing:
    """Logins of three users, three at a time each: one more than are hashed at once would not keep the hashing busy."""
    before = core_ms_of_hashing(server)
    processes = [
        load.start(server, "/api/login", SECONDS, 3, LOGIN % (number, number)) for number in (1, 2, 3)
    ]
    rate = sum(load.read(process.communicate()[0]).rate for process in processes)
    return Hashing(rate, (core_ms_of_hashing(server) - before) / (rate * SECONDS))


def measure(bench: Bench) -> dict:
    """Logins side by side with bare hashing, and the flood."""
    # All come from one address here. Those that are broken off at the end of a round would count against the next one.
    server = bench.callgate(bench.folder / "logins", throttle_address_failures="1000000")
    bare, logins = [], []
    for _ in range(2):
        bare.append(bare_hashing())
        logins.append(logins_a_second(server))
    bench.stop(server)
    most_bare, most_logins = (max(found.rate for found in all_found) for all_found in (bare, logins))
    core_ms_bare, core_ms_login = (min(found.core_ms for found in all_found) for all_found in (bare, logins))
    return {
        "bare_hashes": most_bare,
        "logins": most_logins,
        "ratio": most_logins / most_bare,
        "bare_core_ms": core_ms_bare,
        "login_core_ms": core_ms_login,
        "hashing_ratio": core_ms_bare / core_ms_login,
        "flood": flood(bench),
    }


def flood(bench: Bench) -> dict:
    """500 logins at once, all the time, beside calls of a live session."""
    # Everything comes from one address here, which would be throttled long before it is too much.
    server = bench.callgate(bench.folder / "flood", throttle_address_failures="1000000")
    server.log_in()
    time.sleep(3)
    idle = server.memory_mb()
    calls_line = load.start(server, "/api/auth_func", SECONDS + 2, 4, load.BODY)
    # With the right password: the throttle of accounts is for wrong ones. And without a session, which a login would end.
    nobody = replace(server, cookie="")
    flood_line = load.start(nobody, "/api/login", SECONDS, 500, LOGIN % (2, 2))
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
    # What hashing took is given back by now.
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
