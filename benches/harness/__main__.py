"""Runs the whole comparison: `python -m harness [results folder]`. Takes about ten minutes."""

import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from . import growth, load, logins, nodes, report
from .servers import BENCHES, Bench, Server

ROUNDS = 5
SECONDS = 2.5


def targets(bench: Bench) -> list[tuple[str, Server, str, str, str | None]]:
    """The calls to measure: name, server, protocol, path, body."""
    limit, callgate = bench.limit(), bench.callgate()
    assembly, axum_login, flask_login = bench.assembly(), bench.axum_login(), bench.flask_login()
    for server in (callgate, assembly, axum_login, flask_login):
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
            ("assembly auth_func", assembly, protocol, guarded, load.BODY),
            ("axum-login auth_func", axum_login, protocol, guarded, load.BODY),
        ]
    # gunicorn does not support HTTP/2.
    rows.append(("flask-login auth_func", flask_login, "h1", guarded, load.BODY))
    return rows


def calls(bench: Bench) -> list[dict]:
    """Measures all targets in turn, in several rounds. A ratio is the median of the ratios per round: a temporary slowdown
    of the machine affects both sides of a ratio."""
    rows = targets(bench)
    samples: list[list[load.Sample]] = [[] for _ in rows]
    for _ in range(ROUNDS):
        for taken, (_, server, protocol, path, body) in zip(samples, rows, strict=True):
            taken.append(load.run(server, path, protocol, SECONDS, body=body))
    found = []
    for taken, (name, server, protocol, _, _) in zip(samples, rows, strict=True):
        row = {"name": name, "protocol": protocol, **load.middle(taken).json()}
        row.pop("statuses")
        row["mb"] = server.memory_mb()
        row["against"] = {
            peer: median(own.rate / other.rate for own, other in zip(taken, others, strict=True))
            for others, (peer, _, spoken, _, _) in zip(samples, rows, strict=True)
            if spoken == protocol and peer != name
        }
        row["ratio"] = row["against"].get("limit", 1)
        found.append(row)
    bench.stop_all()
    return found


def start(bench: Bench) -> tuple[float, float]:
    """Medians of five starts with an existing database: milliseconds to the first response, and idle memory in MB."""
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
                "nodes": nodes.measure(bench),
            }
        finally:
            bench.stop_all()
    print(report.table(results))
    print(f"\nTook {time.monotonic() - began:.0f} s.")
    report.write(results, Path(sys.argv[1]) if len(sys.argv) > 1 else BENCHES)


if __name__ == "__main__":
    main()
