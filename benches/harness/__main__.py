"""Runs the whole comparison: `python -m harness [folder for the results]`. It takes about five minutes."""

import sys
import tempfile
import time
from pathlib import Path

from . import growth, load, logins, report
from .servers import BENCHES, Bench, Server

ROUNDS = 5
SECONDS = 2.5


def targets(bench: Bench) -> list[tuple[str, Server, str, str, str | None]]:
    """What is called: a name, the server, the protocol, the path, the body."""
    limit, callgate = bench.limit(), bench.callgate()
    axum_login, flask_login = bench.axum_login(), bench.flask_login()
    for server in (callgate, axum_login, flask_login):
        server.log_in()
    nobody = Server(callgate.name, callgate.process, callgate.port, callgate.ca)
    guarded = "/api/auth_func"
    rows = []
    for protocol in ("h1", "h2"):
        rows += [
            ("limit", limit, protocol, guarded, load.BODY),
            ("callgate auth_func", callgate, protocol, guarded, load.BODY),
            ("callgate notauth_func", nobody, protocol, "/api/notauth_func", load.BODY),
            ("callgate home page", nobody, protocol, "/", None),
            ("axum-login auth_func", axum_login, protocol, guarded, load.BODY),
        ]
    # gunicorn speaks no HTTP/2.
    rows.append(("flask-login auth_func", flask_login, "h1", guarded, load.BODY))
    return rows


def calls(bench: Bench) -> list[dict]:
    """All of them, one after the other, again and again."""
    rows = targets(bench)
    samples: list[list[load.Sample]] = [[] for _ in rows]
    for _ in range(ROUNDS):
        for taken, (_, server, protocol, path, body) in zip(samples, rows, strict=True):
            taken.append(load.run(server, path, protocol, SECONDS, body=body))
    found = []
    for taken, (name, server, protocol, _, _) in zip(samples, rows, strict=True):
        # The ratio of each round, and of these the middle: what slows the machine down for a while slows both.
        limits = next(other for other, row in zip(samples, rows, strict=True) if row[0] == "limit" and row[2] == protocol)
        ratios = sorted(own.rate / limit.rate for own, limit in zip(taken, limits, strict=True))
        row = {"name": name, "protocol": protocol, **load.middle(taken).json()}
        row.pop("statuses")
        found.append({**row, "mb": server.memory_mb(), "ratio": ratios[len(ratios) // 2]})
    bench.stop_all()
    return found


def start(bench: Bench) -> tuple[float, float]:
    """Milliseconds to the first answer with a database that is there, and MB when idle; the middle of five."""
    data = bench.folder / "start"
    bench.stop(bench.callgate(data))
    times, memory = [], []
    for _ in range(5):
        server = bench.callgate(data)
        times.append(server.started_in * 1000)
        time.sleep(1)
        memory.append(server.memory_mb())
        bench.stop(server)
    return sorted(times)[2], sorted(memory)[2]


def main() -> None:
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder))
        try:
            start_ms, idle_mb = start(bench)
            results = {
                "machine": report.machine(),
                "start_ms": start_ms,
                "idle_mb": idle_mb,
                "calls": calls(bench),
                "logins": logins.measure(bench),
                "growth": growth.measure(bench),
            }
        finally:
            bench.stop_all()
    print(report.table(results))
    print(f"\nTook {time.monotonic() - began:.0f} s.")
    report.write(results, Path(sys.argv[1]) if len(sys.argv) > 1 else BENCHES)


if __name__ == "__main__":
    main()
