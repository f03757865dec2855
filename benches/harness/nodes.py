"""Measures one, two and three nodes on a PostgreSQL server of this machine, and on one that seems a millisecond away.
`python -m harness.nodes` measures nothing else."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from . import load, report
from .servers import BENCHES, Bench, Server, free_port

ROUNDS = 3
SECONDS = 3
# The hashing of passwords would be the limit.
CHEAP_PASSWORDS = {"passwords_memory_kib": "64", "passwords_iterations": "1"}
UNTHROTTLED = {
    "throttle_address_failures": "1000000",
    "throttle_account_failures": "1000000",
    "throttle_account_day_failures": "1000000",
}
# The number of nodes, `database.trust_ms`, and how far away the database is, in milliseconds.
CASES = [(count, trust, 0) for count in (1, 2, 3) for trust in (0, 500)]
CASES += [(count, trust, 1) for count in (1, 3) for trust in (0, 500)]
LOGIN = '{"user_id":"user01","password":"user_01","remember":false}'


class Postgres:
    """A PostgreSQL server with its default settings, as the user that Debian's package creates if this is root."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
        found = shutil.which("initdb")
        self.programs = Path(found).resolve().parent if found else programs[-1]
        folder.mkdir()
        self.user = []
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres")
            folder.parent.chmod(0o755)
            self.user = ["setpriv", "--reuid", "postgres", "--regid", "postgres", "--init-groups"]
        data = folder / "data"
        self._run("initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale", "C")
        line = [*self.user, self.programs / "postgres", "-D", data, "-k", folder, "-p", str(self.port)]
        line += ["-c", "listen_addresses=127.0.0.1", "-c", "dynamic_shared_memory_type=mmap"]
        log = (folder.parent / "postgres.log").open("w")
        self.process = subprocess.Popen(line, cwd=folder, stdout=log, stderr=log)
        while subprocess.run(self._psql("SELECT 1"), capture_output=True).returncode != 0:
            assert self.process.poll() is None, Path(log.name).read_text()
            time.sleep(0.05)
        self.value("CREATE ROLE callgate LOGIN")
        self.value("CREATE DATABASE calls OWNER callgate")
        self.distances: list[subprocess.Popen] = []

    def url(self, milliseconds: float = 0) -> str:
        """The address of the database, at this distance."""
        port = self.port
        if milliseconds:
            port = free_port()
            line = [sys.executable, "-m", "harness.distance", str(port), str(self.port), str(milliseconds)]
            self.distances.append(subprocess.Popen(line, cwd=BENCHES))
        return f"postgres://callgate@127.0.0.1:{port}/calls"

    def _run(self, program: str, *arguments: object) -> None:
        line = [*self.user, self.programs / program, *map(str, arguments)]
        subprocess.run(line, cwd=self.folder, check=True, capture_output=True)

    def _psql(self, statement: str) -> list:
        return [self.programs / "psql", "-h", self.folder, "-p", str(self.port), "-U", "postgres", "-AtXc", statement]

    def value(self, statement: str) -> str:
        """Executes a statement and returns what it prints."""
        return subprocess.run(self._psql(statement), check=True, capture_output=True, text=True).stdout.strip()

    def transactions(self) -> int:
        """The number of transactions so far. A statement outside of a transaction counts as one."""
        # The server collects statistics with a delay of up to a second.
        time.sleep(1.2)
        return int(self.value("SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = 'calls'"))

    def stop(self) -> None:
        for proxy in self.distances:
            proxy.terminate()
            proxy.wait(30)
        self.process.terminate()
        self.process.wait(30)


def start(bench: Bench, url: str, count: int, **settings: str) -> list[Server]:
    """Nodes of one site. All have the session of the first one."""
    origin = f"https://localhost:{free_port()}"
    settings |= {"database_url": url, "site_origin": origin}
    servers = [bench.callgate(bench.folder / f"node{number}", **settings) for number in range(count)]
    servers[0].log_in()
    for server in servers[1:]:
        server.cookie = servers[0].cookie
    return servers


def together(servers: list[Server], path: str, body: str, connections: int) -> list[load.Sample]:
    """Loads all servers at once with equal shares of the connections."""
    share = max(1, connections // len(servers))
    running = [load.start(server, path, SECONDS, share, body) for server in servers]
    samples = [load.read(process.communicate()[0]) for process in running]
    for sample in samples:
        assert set(sample.statuses) == {"200"}, sample.statuses
    return samples


def measure(bench: Bench) -> dict:
    """Guarded calls in alternation with the same calls on SQLite, reads of the database, and logins with cheap hashing."""
    postgres = Postgres(bench.folder / "postgres")
    try:
        calls = [guarded_calls(bench, postgres, *case) for case in CASES]
        return {"calls": calls, "logins": logins(bench, postgres)}
    finally:
        bench.stop_all()
        postgres.stop()


def guarded_calls(bench: Bench, postgres: Postgres, count: int, trust: int, distance: int) -> dict:
    sqlite = bench.callgate(bench.folder / "nodes-sqlite")
    sqlite.log_in()
    servers = start(bench, postgres.url(distance), count, database_trust_ms=str(trust))
    rates, ratios, latencies, reads = [], [], [], []
    for _ in range(ROUNDS):
        own = load.run(sqlite, seconds=SECONDS)
        before = postgres.transactions()
        samples = together(servers, "/api/auth_func", load.BODY, load.CONNECTIONS)
        reads.append((postgres.transactions() - before) / SECONDS)
        rates.append(sum(sample.rate for sample in samples))
        ratios.append(rates[-1] / own.rate)
        latencies.append((median(sample.p50 for sample in samples), max(sample.p99 for sample in samples)))
    bench.stop_all()
    p50, p99 = (median(values) for values in zip(*latencies, strict=True))
    return {
        "nodes": count,
        "trust_ms": trust,
        "distance_ms": distance,
        "rate": median(rates),
        "of_sqlite": median(ratios),
        "p50": p50,
        "p99": p99,
        "transactions": median(reads),
    }


def logins(bench: Bench, postgres: Postgres) -> list[dict]:
    """Logins per second with cheap hashing: each holds the write lock once."""
    found = []
    for count in (1, 3):
        servers = start(bench, postgres.url(), count, **CHEAP_PASSWORDS, **UNTHROTTLED)
        for server in servers:
            server.cookie = ""
        rates = []
        for _ in range(ROUNDS):
            samples = together(servers, "/api/login", LOGIN, 12)
            rates.append(sum(sample.rate for sample in samples))
        bench.stop_all()
        found.append({"nodes": count, "rate": median(rates)})
    return found


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        print(report.nodes_table(measure(Bench(Path(folder)))))


if __name__ == "__main__":
    main()
