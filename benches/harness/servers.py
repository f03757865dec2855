"""The servers to measure. Each runs on a free loopback port with its own data, and is stopped by its process id."""

import json
import os
import signal
import socket
import ssl
import subprocess
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

BENCHES = Path(__file__).resolve().parent.parent
PROJECT = BENCHES.parent
PEERS = BENCHES / "peers/target/release"
CALLGATE = PROJECT / "target/release/callgate"
BODY = '{"a":1,"b":[1,2,3],"c":"some text"}'


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


@dataclass
class Server:
    """A running server."""

    name: str
    process: subprocess.Popen
    port: int
    ca: Path
    cookie: str = ""
    started_in: float = 0.0
    children: bool = False

    @property
    def base(self) -> str:
        return f"https://localhost:{self.port}"

    def post(self, path: str, body: dict) -> tuple[int, dict, list[str]]:
        """Calls a path. Returns the status, the reply and the cookies that it sets."""
        context = ssl.create_default_context(cafile=self.ca)
        request = urllib.request.Request(
            self.base + path,
            json.dumps(body).encode(),
            {"Content-Type": "application/json", "Cookie": self.cookie},
        )
        with urllib.request.urlopen(request, context=context, timeout=30) as reply:
            cookies = [line.split(";")[0] for line in reply.headers.get_all("Set-Cookie") or []]
            return reply.status, json.load(reply), cookies

    def log_in(self) -> None:
        """Logs user01 in and stores the session cookie."""
        status, _, cookies = self.post(
            "/api/login", {"user_id": "user01", "password": "user_01", "remember": False}
        )
        assert status == 200, status
        self.cookie = "; ".join(cookies)
        _, reply, _ = self.post("/api/auth_func", json.loads(BODY))
        assert reply["msg"] == f"auth_func({BODY}),user_id=user01", reply

    def _pids(self) -> list[int]:
        pids = [self.process.pid]
        if self.children:
            tasks = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
            pids += [int(pid) for pid in tasks.split()]
        return pids

    def memory_mb(self, what: str = "VmRSS") -> float:
        """Resident memory of all its processes, in MB (10^6 bytes). `VmHWM` returns the peak."""
        total = 0
        for pid in self._pids():
            for line in Path(f"/proc/{pid}/status").read_text().splitlines():
                if line.startswith(what + ":"):
                    total += int(line.split()[1]) * 1024
        return total / 1e6

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(40)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@dataclass
class Bench:
    """A folder for data and certificates, with the servers that use it."""

    folder: Path
    running: list[Server] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.certs = self.folder / "certs"
        subprocess.run([CALLGATE, "cert", "--certs", self.certs], check=True, stdout=subprocess.DEVNULL)

    def _start(self, name: str, command: list, port: int, env: dict | None = None, **more) -> Server:
        log = (self.folder / f"{name}.log").open("w")
        began = time.monotonic()
        process = subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, **(env or {})}, cwd=self.folder)
        server = Server(name, process, port, self.certs / "ca.pem", **more)
        self.running.append(server)
        context = ssl.create_default_context(cafile=server.ca)
        while time.monotonic() - began < 60:
            if process.poll() is not None:
                break
            try:
                with socket.create_connection(("127.0.0.1", port), 1) as plain:
                    with context.wrap_socket(plain, server_hostname="localhost") as tls:
                        tls.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                        if tls.recv(1):
                            server.started_in = time.monotonic() - began
                            return server
            except OSError:
                time.sleep(0.002)
        raise RuntimeError(f"{name} did not start:\n{Path(log.name).read_text()}")

    def callgate(self, data: Path | None = None, **settings: str) -> Server:
        """Callgate as `make run` starts it."""
        port = free_port()
        data = data or self.folder / "callgate"
        command = [CALLGATE, "serve", "--demo", "--data", data, "--certs", self.certs]
        command += ["--https", f"127.0.0.1:{port}", "--http", "off"]
        env = {f"CALLGATE_{name.upper()}": value for name, value in settings.items()}
        return self._start("callgate", command, port, env)

    def limit(self) -> Server:
        """Bare axum."""
        port = free_port()
        return self._start("limit", [PEERS / "limit", *self._place(port)], port)

    def axum_login(self) -> Server:
        """axum with axum-login."""
        port = free_port()
        command = [PEERS / "axum_login", *self._place(port), self.folder / "axum_login.db"]
        return self._start("axum_login", command, port)

    def assembly(self) -> Server:
        """axum with axum-login, caches, and the layers of tower-http."""
        port = free_port()
        command = [PEERS / "assembly", *self._place(port), self.folder / "assembly.db"]
        return self._start("assembly", command, port)

    def flask_login(self) -> Server:
        """Flask with Flask-Login, under gunicorn."""
        port = free_port()
        _, certificate, key = self._place(port)
        gunicorn = BENCHES / "flask_login/.venv/bin/gunicorn"
        command = [gunicorn, "--workers", str(os.cpu_count()), "--worker-class", "gthread", "--threads", "32"]
        command += ["--bind", f"127.0.0.1:{port}", "--certfile", certificate, "--keyfile", key]
        command += ["--keep-alive", "60", "--chdir", BENCHES / "flask_login", "app:app"]
        return self._start("flask_login", command, port, children=True)

    def _place(self, port: int) -> list:
        return [f"127.0.0.1:{port}", self.certs / "localhost.pem", self.certs / "localhost.key"]

    def stop(self, server: Server) -> None:
        self.running.remove(server)
        server.stop()

    def stop_all(self) -> None:
        for server in list(self.running):
            self.stop(server)
