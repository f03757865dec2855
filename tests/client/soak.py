"""Uses a server as people and programs do, for half an hour at half the load that a core can take, and checks that its memory,
open files and tables do not grow. `tools/soak.sh` starts both and sets their lifetimes and limits in environment variables.
"""

import argparse
import bisect
import json
import os
import random
import sqlite3
import statistics
import sys
import threading
import time
from contextlib import closing
from pathlib import Path
from urllib.parse import urldefrag, urlsplit

import requests

LOAD = 0.5
PEOPLE = 4
USERS = [("user01", "user_01"), ("user02", "user_02")]
# By which factor, plus how many MB, the memory of the server and its write-ahead log may grow.
TIMES, MORE = 1.1, 4
# How many more files it may have open.
FILES = 8
WARM_UP = 0.2
# How late a sweep, a line of the call log, or a look at the tables may come, in seconds.
LATE = 10
# `OWNER_LIMIT` in `storage/pending_calls.rs`. The owners are the users, and the one address of all other clients.
PENDING_PER_OWNER = 50
# The default of `sessions.per_user`. One more ends the oldest.
SESSIONS_OF_ONE = 100
# The tables whose rows come and go.
TABLES = ["sessions", "remembered", "kept_calls", "failed_logins", "calls", "events", "links"]


def setting(name):
    return int(os.environ[f"CALLGATE_{name}"])


def expect(is_so, problem):
    if not is_so:
        raise RuntimeError(problem)


class Browser(requests.Session):
    """A client with a cookie jar, on one connection as long as that lasts."""

    def __init__(self, site):
        super().__init__()
        self.trust_env = False  # this server and this CA, whatever proxies and bundles the machine has
        self.site, self.verify = site, site.ca
        port = urlsplit(site.base).port
        self.session, self.remember = f"__Host-callgate-{port}", f"__Host-callgate-remember-{port}"

    def ask(self, path, *expected, **body):
        """Gets a page, or posts this body. The status has to be one of those expected."""
        headers = {"Origin": self.site.base, "Sec-Fetch-Site": "same-origin"} if body else {}
        method = "POST" if body else "GET"
        # A busy machine makes logins wait for their hash. Then they are refused for a moment, which Retry-After names.
        for _ in range(10):
            answer = self.request(method, self.site.base + path, headers=headers, timeout=30, allow_redirects=False, **body)
            self.site.count("requests")
            if answer.status_code != 503:
                break
            time.sleep(int(answer.headers["Retry-After"]))
        expect(answer.status_code in expected, f"{path} answered {answer.status_code}: {answer.text[:200]!r}")
        return answer

    def call(self, function, arguments, *expected):
        return self.ask(f"/api/{function}", *expected, json=arguments).status_code

    def form(self, path, *others, **fields):
        """Sends a form as without script, and gives where it leads to. Nothing, if the status is one of the others."""
        return self.ask(path, 303, *others, data=fields).headers.get("Location")

    def log_in(self, remember=False):
        user, password = random.choice(USERS)
        self.call("login", {"user_id": user, "password": password, "remember": remember}, 200)
        self.site.count("acts", "sessions")


def open_call(browser):
    browser.call("notauth_func", {"text": "hello", "number": 1}, 200)


def guarded_call(browser):
    # The session ends after a while, and its person logs in again.
    if browser.call("auth_func", {"text": "hello"}, 200, 401) == 401:
        browser.log_in()


def page(browser):
    browser.ask(random.choice(["/", "/login", "/account", "/functions/auth_func", "/functions/notauth_func"]), 200)


def form(browser):
    # A reply that cannot be stored within a second is shown at once.
    location = browser.form("/functions/notauth_func", 200, arguments='{"text":"hello"}')
    if location:
        browser.ask(urldefrag(location).url, 200)


def form_of_nobody(stranger):
    location = stranger.form("/functions/auth_func", arguments="{}")
    expect(location.startswith("/login"), f"a stranger is led to {location}")
    # Half of them go away, and the call that waits is swept.
    if random.random() < 0.5:
        user, password = random.choice(USERS)
        stranger.form("/login", next="/functions/auth_func", user_id=user, password=password)
        stranger.site.count("acts", "sessions")
        stranger.ask("/functions/auth_func", 200)


def failed_login(stranger):
    name = random.choice(["user01", f"nobody{random.randrange(10**9)}"])
    stranger.call("login", {"user_id": name, "password": "wrong"}, 401)
    stranger.site.count("acts", "failures")


def in_and_out(stranger):
    stranger.log_in()
    stranger.call("auth_func", {}, 200)
    stranger.call("logout", {}, 200)
    stranger.site.count("acts")
    stranger.call("auth_func", {}, 401)


def walk_away(stranger):
    """Logs in, and never comes back."""
    stranger.log_in()


def come_back(stranger):
    """A remembered browser whose session is gone. Half of them log out in the end."""
    stranger.log_in(remember=True)
    del stranger.cookies[stranger.session]
    stranger.site.count("acts", "sessions", "remembered")
    stranger.call("auth_func", {}, 200)
    if random.random() < 0.5:
        stranger.call("logout", {}, 200)
        stranger.site.count("acts")
        expect(stranger.remember not in stranger.cookies, "a logout left the browser remembered")


# What people do, and how often: with the browser that they always use, and with a new one each time.
AT_HOME = {open_call: 40, guarded_call: 40, page: 10, form: 6}
ELSEWHERE = {form_of_nobody: 3, failed_login: 2, in_and_out: 2, walk_away: 1, come_back: 1}
HABITS = AT_HOME | ELSEWHERE


class Site:
    def __init__(self, arguments):
        self.base, self.ca, self.data = arguments.base, arguments.ca, Path(arguments.data)
        self.process = Path("/proc", str(arguments.pid))
        self.unexpected, self.is_over = [], threading.Event()
        # When each thing was done.
        kinds = ["requests", "acts", "sessions", "remembered", "failures", *(habit.__name__ for habit in HABITS)]
        self.times = {kind: [] for kind in kinds}
        # How long a person waits between two requests, in seconds, in the middle.
        self.pause = 0.02

    def count(self, *kinds):
        for kind in kinds:
            self.times[kind].append(time.monotonic())

    def done(self, kind, seconds=float("inf")):
        """How often that was done within the last seconds."""
        times = self.times[kind]
        return len(times) - bisect.bisect(times, time.monotonic() - seconds)

    def live(self):
        """What one person does until it is over."""
        own = Browser(self)
        while not self.is_over.wait(self.pause * random.uniform(0.5, 1.5)):
            [habit] = random.choices(list(HABITS), HABITS.values())
            try:
                if habit in AT_HOME:
                    habit(own)
                else:
                    with Browser(self) as new:
                        habit(new)
                self.count(habit.__name__)
            except Exception as problem:  # all problems are reported at the end
                self.unexpected.append(f"{habit.__name__}: {problem!r}")

    def clocks(self):
        """The time, and the seconds that the server has worked."""
        fields = (self.process / "stat").read_text().rpartition(")")[2].split()
        return time.monotonic(), (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def keep_pace(self, seconds):
        """Lets it go on for so long, and gives the load. The pauses follow it, a bit at a time."""

        def load(since, now):
            return (now[1] - since[1]) / (now[0] - since[0])

        began = last = self.clocks()
        while last[0] < began[0] + seconds:
            time.sleep(1)
            now = self.clocks()
            self.pause = min(1, max(0.0005, self.pause * max(0.25, load(last, now) / LOAD) ** 0.5))
            last = now
        return load(began, last)

    def rows(self):
        """How many rows each table has."""
        # Read-only: this is a look from outside.
        with closing(sqlite3.connect(f"file:{self.data}/callgate.db?mode=ro", uri=True, timeout=10)) as database:
            tables = database.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'")
            names = [name for (name,) in tables if not name.startswith("_")]
            return {name: database.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in names}

    def bounds(self):
        """The maximum size of the tables whose rows expire, by the settings and by what was done recently."""
        until_swept = setting("SESSIONS_SWEEP_SECONDS") + LATE
        sessions = self.done("sessions", setting("SESSIONS_ABSOLUTE_SECONDS") + until_swept)
        failures = self.done("failures", until_swept)
        return {
            # Each person may add one more that is not counted yet.
            "sessions": min(sessions + 2 * PEOPLE, SESSIONS_OF_ONE * len(USERS)),
            "remembered": self.done("remembered", setting("SESSIONS_REMEMBER_SECONDS") + until_swept) + PEOPLE,
            "kept_calls": PENDING_PER_OWNER * (len(USERS) + 1),
            # Two for each failure, and two for each running login.
            "failed_logins": setting("THROTTLE_STORED_FAILURES") + 2 * failures + 2 * PEOPLE,
            "calls": setting("AUDIT_MOST_CALLS") + self.done("requests", until_swept),
            "links": 0,
            # Events are kept for at least a day, so this table grows, but only by what was done, and by one for each
            # session that ends an older one.
            "events": self.done("acts") + self.done("sessions") + 100,
        }

    def look(self):
        status = (self.process / "status").read_text()
        log = self.data / "callgate.db-wal"
        return {
            "memory": int(status.partition("VmRSS:")[2].split()[0]) / 1024,
            "files": len(os.listdir(self.process / "fd")),
            "log": log.stat().st_size / 1e6 if log.exists() else 0,
            # First the rows, then what they may be: what is begun in between only makes that more.
            "rows": self.rows(),
            "bounds": self.bounds(),
        }

    def is_swept(self):
        """Whether all sessions and remembered browsers are gone once nobody comes any more."""
        kept = max(setting("SESSIONS_ABSOLUTE_SECONDS"), setting("SESSIONS_REMEMBER_SECONDS"))
        until = time.monotonic() + kept + setting("SESSIONS_SWEEP_SECONDS") + LATE
        while not (is_swept := self.rows().items() >= {"sessions": 0, "remembered": 0}.items()) and time.monotonic() < until:
            time.sleep(1)
        return is_swept


def run(site, minutes):
    """Lets people use the site for so long, looks at it twice a minute, prints what it sees, and gives it."""
    people = [threading.Thread(target=site.live, daemon=True) for _ in range(PEOPLE)]
    for person in people:
        person.start()
    began, samples = time.monotonic(), []
    while time.monotonic() - began < minutes * 60:
        load = site.keep_pace(min(30, minutes * 60 / 24))
        samples.append(sample := site.look() | {"load": load, "minute": (time.monotonic() - began) / 60})
        rows = " ".join(f"{table} {sample['rows'][table]}/{sample['bounds'][table]}" for table in TABLES)
        print(
            f"{sample['minute']:5.1f} min: load {load:.2f}, {site.done('requests')} requests, {sample['memory']:.1f} MB, "
            f"{sample['files']} files, log {sample['log']:.1f} MB, {rows}",
            flush=True,
        )
    site.is_over.set()
    for person in people:
        person.join(60)
    return samples


def judge(site, samples):
    """What must be so, each with whether it is and what was seen."""
    warm = samples[int(len(samples) * WARM_UP) :]
    third = max(1, len(warm) // 3)
    first, last = warm[:third], warm[-third:]

    def is_flat(of):
        before, after = [statistics.median(sample[of] for sample in part) for part in (first, last)]
        return after <= before * TIMES + MORE, f"{before:.1f} MB at first, {after:.1f} at the end"

    files = [max(sample["files"] for sample in part) for part in (first, last)]
    load = statistics.mean(sample["load"] for sample in warm)
    beyond = [
        f"{table} {sample['rows'][table]} of {bound} after {sample['minute']:.1f} min"
        for sample in samples
        for table, bound in sample["bounds"].items()
        if sample["rows"][table] > bound
    ]
    others = [{table: rows for table, rows in sample["rows"].items() if table not in TABLES} for sample in warm]
    done = {habit.__name__: site.done(habit.__name__) for habit in HABITS}
    log = (site.data / "server.log").read_text(encoding="utf-8", errors="replace")
    complaints = [line for line in log.splitlines() if " ERROR " in line or "panic" in line]
    return [
        # Not judged from below: a machine that is busy with other things gives the server less.
        ("the load was at most about half a core", load < 1.4 * LOAD, f"{load:.2f}"),
        ("everything was answered as it should be", not site.unexpected, site.unexpected[:5] or done),
        ("the memory is flat", *is_flat("memory")),
        ("the open files are flat", files[1] <= files[0] + FILES, f"at most {files[0]} at first, {files[1]} at the end"),
        ("the write-ahead log is flat", *is_flat("log")),
        ("no table has more rows than the settings let it", not beyond, beyond[:5] or "none at any look"),
        ("the other tables stay as they are", all(rows == others[0] for rows in others), others[-1]),
        ("nothing is left of sessions that nobody uses", site.is_swept(), site.rows()),
        ("nothing failed inside", not complaints, complaints[:3] or "no such line in the log"),
    ]


def main():
    options = argparse.ArgumentParser()
    for name in ("base", "ca", "data", "pid"):
        options.add_argument(f"--{name}", required=True)
    options.add_argument("--minutes", type=float, default=30)
    arguments = options.parse_args()
    site = Site(arguments)
    results = judge(site, run(site, arguments.minutes))
    for what, is_so, seen in results:
        print(f"{'ok  ' if is_so else 'FAIL'} {what}: {seen}")
    failed = [is_so for _, is_so, _ in results].count(False)
    print(f"{len(results) - failed} passed, {failed} failed")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
