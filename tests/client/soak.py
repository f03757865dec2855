"""Uses a server of its own as people and programs do, for half an hour at half the load that a core can take, and sees that
neither its memory nor its open files nor its tables grow by it.

Loopback only. It ends by itself. What the server keeps for how long is told to both by the variables that `tools/soak.sh`
sets.
"""

import argparse
import collections
import http.client
import json
import os
import random
import sqlite3
import ssl
import statistics
import sys
import threading
import time
import urllib.parse

LOAD = 0.5
PEOPLE = 4
USERS = [("user01", "user_01"), ("user02", "user_02")]
# How much the memory of the server and its write-ahead log may grow: so many times, and so many MB.
TIMES, MORE = 1.1, 4
# How many more files it may have open.
FILES = 8
WARM_UP = 0.2
# How late a sweep, a line of the call log, or a look at the tables may come, in seconds.
LATE = 10
SESSION, REMEMBER = "__Host-callgate", "__Host-callgate-remember"
# `storage/kept_calls.rs`: of one keeper. The keepers are the users, and the address of everybody else.
KEPT_OF_ONE = 50


def setting(name):
    return int(os.environ[f"CALLGATE_{name}"])


class Unexpected(Exception):
    """The server answered something else."""


class Counts:
    """What was done: so many of each kind, and of some so many within the last seconds."""

    def __init__(self):
        self.lock, self.all = threading.Lock(), collections.Counter()
        self.moments = {kind: collections.deque() for kind in ("requests", "sessions", "remembered", "failures")}

    def add(self, kind, number=1):
        with self.lock:
            self.all[kind] += number
            if kind in self.moments:
                self.moments[kind].append((time.monotonic(), number))

    def within(self, kind, seconds):
        with self.lock:
            moments, since = self.moments[kind], time.monotonic() - seconds
            while moments and moments[0][0] < since:
                moments.popleft()
            return sum(number for _, number in moments)


class Browser:
    """A client with a cookie jar, on one connection as long as that lasts."""

    def __init__(self, site):
        self.site, self.jar, self.connection, self.sent = site, {}, None, 0

    def send(self, method, path, body=None, kind=None):
        """Sends it, keeps the cookies of the answer, and gives its status, its `Location` and its body."""
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.jar.items())} if self.jar else {}
        if kind:
            headers |= {"Content-Type": kind, "Origin": self.site.base, "Sec-Fetch-Site": "same-origin"}
        answer = self.exchange(method, path, body, headers)
        said = answer.read()
        for cookie in answer.headers.get_all("Set-Cookie", []):
            name, value = cookie.split(";")[0].split("=", 1)
            if "Max-Age=0" in cookie:
                self.jar.pop(name, None)
            else:
                self.jar[name] = value
        self.site.counts.add("requests")
        return answer.status, answer.headers.get("Location"), said

    def exchange(self, method, path, body, headers):
        # Now and then a connection of its own, so that handshakes are in it, too.
        if self.sent % 200 == 0:
            self.close()
        self.sent += 1
        while True:
            is_new = self.connection is None
            if is_new:
                self.connection = http.client.HTTPSConnection("localhost", self.site.port, timeout=30, context=self.site.context)
            try:
                self.connection.request(method, path, body, headers)
                return self.connection.getresponse()
            except (ConnectionError, http.client.RemoteDisconnected):
                # A kept connection on which nothing came for long may be closed at any moment.
                self.close()
                if is_new:
                    raise

    def close(self):
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    def call(self, function, arguments, *expected):
        """The status of a call as JSON, which has to be one of those expected."""
        status, _, said = self.send("POST", f"/api/{function}", json.dumps(arguments), "application/json")
        return check(f"/api/{function}", status, said, expected)

    def form(self, path, fields):
        """Sends a form as without script, and gives where it leads to."""
        kind = "application/x-www-form-urlencoded"
        status, location, said = self.send("POST", path, urllib.parse.urlencode(fields), kind)
        check(path, status, said, (303,))
        return location

    def page(self, path):
        status, _, said = self.send("GET", path)
        check(path, status, said, (200,))
        return said

    def log_in(self, user, password, remember=False):
        self.call("login", {"user_id": user, "password": password, "remember": remember}, 200)
        self.site.counts.add("acts")


def check(what, status, said, expected):
    if status not in expected:
        raise Unexpected(f"{what} answered {status}: {said[:200]!r}")
    return status


def open_call(browser):
    browser.call("notauth_func", {"text": "hello", "number": 1}, 200)


def guarded_call(browser):
    # The session ends after a while, and its person logs in again.
    if browser.call("auth_func", {"text": "hello"}, 200, 401) == 401:
        browser.log_in(*random.choice(USERS))
        browser.site.counts.add("sessions")


def page(browser):
    browser.page(random.choice(["/", "/login", "/account", "/functions/auth_func", "/functions/notauth_func"]))


def form(browser):
    location = browser.form("/functions/notauth_func", {"arguments": '{"text":"hello"}'})
    browser.page(location.split("#")[0])


def form_of_nobody(browser):
    stranger = Browser(browser.site)
    location = stranger.form("/functions/auth_func", {"arguments": "{}"})
    if not location.startswith("/login"):
        raise Unexpected(f"a stranger is led to {location}")
    # Half of them go away, and the call that waits is swept.
    if random.random() < 0.5:
        user, password = random.choice(USERS)
        stranger.form("/login", {"next": "/functions/auth_func", "user_id": user, "password": password})
        browser.site.counts.add("acts")
        browser.site.counts.add("sessions")
        stranger.page("/functions/auth_func")
    stranger.close()


def failed_login(browser):
    name = random.choice(["user01", f"nobody{random.randrange(10**9)}"])
    stranger = Browser(browser.site)
    stranger.call("login", {"user_id": name, "password": "wrong"}, 401)
    stranger.close()
    browser.site.counts.add("acts")
    browser.site.counts.add("failures")


def in_and_out(browser):
    other = Browser(browser.site)
    other.log_in(*random.choice(USERS))
    other.call("auth_func", {}, 200)
    other.call("logout", {}, 200)
    other.call("auth_func", {}, 401)
    browser.site.counts.add("acts")
    other.close()


def walk_away(browser):
    """Logs in, and never comes back."""
    other = Browser(browser.site)
    other.log_in(*random.choice(USERS))
    browser.site.counts.add("sessions")
    other.close()


def come_back(browser):
    """A remembered browser whose session is gone. Half of them log out in the end."""
    other = Browser(browser.site)
    other.log_in(*random.choice(USERS), remember=True)
    del other.jar[SESSION]
    browser.site.counts.add("acts")
    browser.site.counts.add("sessions", 2)
    browser.site.counts.add("remembered")
    other.call("auth_func", {}, 200)
    if random.random() < 0.5:
        other.call("logout", {}, 200)
        if REMEMBER in other.jar:
            raise Unexpected("a logout left the browser remembered")
        browser.site.counts.add("acts")
    other.close()


# What people do, and how often.
HABITS = {
    open_call: 40,
    guarded_call: 40,
    page: 10,
    form: 6,
    form_of_nobody: 3,
    failed_login: 2,
    in_and_out: 2,
    walk_away: 1,
    come_back: 1,
}


class Site:
    def __init__(self, arguments):
        self.base, self.pid, self.data = arguments.base, arguments.pid, arguments.data
        self.port = urllib.parse.urlsplit(arguments.base).port
        self.context = ssl.create_default_context(cafile=arguments.ca)
        self.counts, self.unexpected, self.is_over = Counts(), [], threading.Event()
        # How long a person waits between two requests, in seconds, in the middle.
        self.pause = 0.02

    def live(self):
        """What one person does until it is over."""
        browser, habits, weights = Browser(self), list(HABITS), list(HABITS.values())
        while not self.is_over.wait(self.pause * random.uniform(0.5, 1.5)):
            habit = random.choices(habits, weights)[0]
            try:
                habit(browser)
                self.counts.add(habit.__name__)
            except Exception as problem:  # whatever it is, it is told at the end
                self.unexpected.append(f"{habit.__name__}: {problem!r}")
                browser.close()
        browser.close()

    def seconds_of_work(self):
        with open(f"/proc/{self.pid}/stat", encoding="ascii") as stat:
            fields = stat.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def keep_pace(self, seconds):
        """Lets it go on for so long, and gives the load. The pauses follow it, a bit at a time."""
        began, worked = time.monotonic(), self.seconds_of_work()
        last, last_worked = began, worked
        while (left := began + seconds - time.monotonic()) > 0:
            time.sleep(min(1, left))
            now, now_worked = time.monotonic(), self.seconds_of_work()
            if now - last > 0.5:
                load = (now_worked - last_worked) / (now - last)
                self.pause = min(1, max(0.0005, self.pause * max(0.25, load / LOAD) ** 0.5))
                last, last_worked = now, now_worked
        return (self.seconds_of_work() - worked) / (time.monotonic() - began)

    def rows(self):
        """How many rows each table has."""
        # Read-only: this is a look from outside.
        database = sqlite3.connect(f"file:{self.data}/callgate.db?mode=ro", uri=True, timeout=10)
        try:
            tables = database.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'")
            names = [name for (name,) in tables if not name.startswith("_")]
            return {name: database.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in names}
        finally:
            database.close()

    def bounds(self):
        """How many rows those tables may have whose rows go with time, by the settings and by what was done of late."""
        until_swept = setting("SESSIONS_SWEEP_SECONDS") + LATE
        counts = self.counts
        return {
            # Whatever is under way adds one for each person.
            "sessions": counts.within("sessions", setting("SESSIONS_ABSOLUTE_SECONDS") + until_swept) + 2 * PEOPLE,
            "remembered": counts.within("remembered", setting("SESSIONS_REMEMBER_SECONDS") + until_swept) + PEOPLE,
            "kept_calls": KEPT_OF_ONE * (len(USERS) + 1),
            # Two for each, and two for each login under way.
            "failed_logins": setting("THROTTLE_STORED_FAILURES")
            + 2 * counts.within("failures", until_swept)
            + 2 * PEOPLE,
            "calls": setting("AUDIT_MOST_CALLS") + counts.within("requests", until_swept),
            "links": 0,
            # The audit trail stays for a day at the least, so it grows; but by no more than what was done.
            "events": counts.all["acts"] + 100,
        }

    def look(self):
        with open(f"/proc/{self.pid}/status", encoding="ascii") as status:
            resident = next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))
        log = f"{self.data}/callgate.db-wal"
        # First the rows, then what they may be: what is begun in between only makes that more.
        rows = self.rows()
        return {
            "memory": resident / 1024,
            "files": len(os.listdir(f"/proc/{self.pid}/fd")),
            "file": os.path.getsize(f"{self.data}/callgate.db") / 1e6,
            "log": os.path.getsize(log) / 1e6 if os.path.exists(log) else 0,
            "requests": self.counts.all["requests"],
            "rows": rows,
            "bounds": self.bounds(),
        }

    def is_swept(self):
        """Whether all sessions and remembered browsers are gone once nobody comes any more."""
        kept = max(setting("SESSIONS_ABSOLUTE_SECONDS"), setting("SESSIONS_REMEMBER_SECONDS"))
        until = time.monotonic() + kept + setting("SESSIONS_SWEEP_SECONDS") + LATE
        while time.monotonic() < until:
            rows = self.rows()
            if rows["sessions"] == rows["remembered"] == 0:
                return True
            time.sleep(1)
        return False

    def complaints(self):
        """The lines of the server's log that tell of a failure."""
        with open(f"{self.data}/server.log", encoding="utf-8", errors="replace") as log:
            return [line.strip() for line in log if " ERROR " in line or "panic" in line]


TABLES = ["sessions", "remembered", "kept_calls", "failed_logins", "calls", "events"]
HEAD = f"{'min':>5} {'load':>5} {'calls/s':>8} {'MB':>6} {'files':>6} " + " ".join(f"{name:>13}" for name in TABLES)
HEAD += f" {'file MB':>8} {'log MB':>7}"


def run(site, minutes):
    """Lets people use the site for so long, looks at it twice a minute, prints what it sees, and gives it."""
    began, samples = time.monotonic(), []
    people = [threading.Thread(target=site.live, daemon=True) for _ in range(PEOPLE)]
    for person in people:
        person.start()
    period = min(30, minutes * 60 / 24)
    print(HEAD, flush=True)
    while time.monotonic() < began + minutes * 60:
        load, sample = site.keep_pace(period), site.look()
        sample |= {"load": load, "minute": (time.monotonic() - began) / 60}
        done = sample["requests"] - (samples[-1]["requests"] if samples else 0)
        counted = " ".join(f"{sample['rows'][name]:>6}/{sample['bounds'][name]:<6}" for name in TABLES)
        print(
            f"{sample['minute']:5.1f} {load:5.2f} {done / period:8.0f} {sample['memory']:6.1f} {sample['files']:6} "
            f"{counted} {sample['file']:8.1f} {sample['log']:7.1f}",
            flush=True,
        )
        samples.append(sample)
    site.is_over.set()
    for person in people:
        person.join(60)
    return samples


def judge(site, samples):
    """What must be so, each with whether it is and what was seen."""
    warm = samples[int(len(samples) * WARM_UP) :]
    third = max(1, len(warm) // 3)
    first, last = warm[:third], warm[-third:]

    def middle(part, of):
        return statistics.median(sample[of] for sample in part)

    def is_flat(of):
        before, after = middle(first, of), middle(last, of)
        return after <= before * TIMES + MORE, f"{before:.1f} MB at first, {after:.1f} at the end"

    files = [max(sample["files"] for sample in part) for part in (first, last)]
    load = statistics.mean(sample["load"] for sample in warm)
    beyond = [
        f"{table} {sample['rows'][table]} of {bound} after {sample['minute']:.1f} min"
        for sample in samples
        for table, bound in sample["bounds"].items()
        if sample["rows"][table] > bound
    ]
    others = {table for sample in samples for table in sample["rows"]} - set(samples[0]["bounds"])
    changed = [table for table in sorted(others) if len({sample["rows"][table] for sample in warm}) > 1]
    done = {habit.__name__: site.counts.all[habit.__name__] for habit in HABITS}
    complaints = site.complaints()
    return [
        ("the load was about half a core", 0.6 * LOAD < load < 1.4 * LOAD, f"{load:.2f}"),
        ("everything was answered as it should be", not site.unexpected, str(site.unexpected[:5] or done)),
        ("the memory is flat", *is_flat("memory")),
        ("the open files are flat", files[1] <= files[0] + FILES, f"at most {files[0]} at first, {files[1]} at the end"),
        ("the write-ahead log is flat", *is_flat("log")),
        ("no table has more rows than the settings let it", not beyond, "; ".join(beyond[:5]) or "none at any look"),
        ("the other tables stay as they are", not changed, ", ".join(changed or sorted(others))),
        ("nothing is left of sessions that nobody uses", site.is_swept(), str(site.rows())),
        ("nothing failed inside", not complaints, "; ".join(complaints[:3]) or "no such line in the log"),
    ]


def main():
    options = argparse.ArgumentParser()
    for name in ("base", "ca", "data"):
        options.add_argument(f"--{name}", required=True)
    options.add_argument("--pid", type=int, required=True)
    options.add_argument("--minutes", type=float, default=30)
    arguments = options.parse_args()
    site = Site(arguments)
    samples = run(site, arguments.minutes)
    passed = failed = 0
    for what, is_so, seen in judge(site, samples):
        passed, failed = passed + is_so, failed + (not is_so)
        print(f"{'ok  ' if is_so else 'FAIL'} {what}: {seen}")
    print(f"{passed} passed, {failed} failed")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
