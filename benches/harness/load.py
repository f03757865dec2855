"""Generates load on one server and reads the results."""

import json
import os
import subprocess
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from .servers import BODY, Server

CONNECTIONS = 32
OHA = os.environ.get("OHA", "oha")


@dataclass
class Sample:
    """The figures of one run: calls per second, and latencies in milliseconds."""

    rate: float
    p50: float
    p99: float
    p999: float
    statuses: dict[str, int]

    def json(self) -> dict:
        return asdict(self)


def command(
    server: Server, path: str, protocol: str, seconds: float, connections: int, body: str | Path | None
) -> list[str]:
    line = [OHA, "--no-tui", "--output-format", "json", "-z", f"{seconds}s", "--cacert", str(server.ca)]
    if protocol == "h2":
        # The same number of concurrent calls, as streams on fewer connections.
        line += ["--http2", "-c", str(max(1, connections // 4)), "-p", "4"]
    else:
        line += ["-c", str(connections)]
    if body is not None:
        # With a file, each call sends one of its lines.
        line += ["-m", "POST", "-T", "application/json", "-Z" if isinstance(body, Path) else "-d", str(body)]
    if server.cookie:
        line += ["-H", f"Cookie: {server.cookie}"]
    return [*line, server.base + path]


def read(output: bytes) -> Sample:
    result = json.loads(output)
    milliseconds = {name: (value or 0) * 1e3 for name, value in result["latencyPercentiles"].items()}
    return Sample(
        result["summary"]["requestsPerSec"],
        milliseconds["p50"],
        milliseconds["p99"],
        milliseconds["p99.9"],
        result["statusCodeDistribution"],
    )


def run(
    server: Server,
    path: str = "/api/auth_func",
    protocol: str = "h1",
    seconds: float = 3,
    connections: int = CONNECTIONS,
    body: str | Path | None = BODY,
) -> Sample:
    """Calls as fast as possible over keep-alive connections. Every response must be a 200."""
    line = command(server, path, protocol, seconds, connections, body)
    sample = read(subprocess.run(line, check=True, capture_output=True).stdout)
    assert set(sample.statuses) == {"200"}, f"{server.name} {path}: {sample.statuses}"
    return sample


def start(server: Server, path: str, seconds: float, connections: int, body: str | Path | None) -> subprocess.Popen:
    """Like `run`, but in the background. Pass its output to `read`."""
    line = command(server, path, "h1", seconds, connections, body)
    return subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)


def middle(samples: list[Sample]) -> Sample:
    """The median of each figure."""
    figures = {name: median(getattr(sample, name) for sample in samples) for name in ("rate", "p50", "p99", "p999")}
    return Sample(**figures, statuses={})


WRK_SCRIPT = Path(__file__).with_name("sessions.lua")


def run_sessions(server: Server, cookies: Path, seconds: float) -> float:
    """Calls per second with many sessions in turn. Uses wrk, because oha cannot vary the cookie."""
    line = ["wrk", "-t2", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", str(WRK_SCRIPT), server.base + "/api/auth_func"]
    env = {**os.environ, "COOKIES": str(cookies), "BODY": BODY}
    output = subprocess.run(line, check=True, capture_output=True, env=env, text=True).stdout
    figures = dict(pair.split("=") for pair in output.splitlines()[-1].split())
    assert figures["failed"] == "0", output
    return float(figures["rate"])
