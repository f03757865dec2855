"""Holds up a server of its own with 500 slow connections at a time (slowhttptest), and logs in meanwhile as anybody would
(security check 98). Loopback only; each kind of slowness lasts for less than a minute.
"""

import argparse
import json
import re
import ssl
import subprocess
import sys
import time
import urllib.request

CONNECTIONS, SECONDS = 500, 45
# What slowhttptest is told, and whether the server has to have closed all of it by the end. Slow readers of a small page
# cost nothing: the system has the whole page in its buffers, and silence is bounded like any silence.
KINDS = {
    "slow headers": (["-H", "-i", "3", "-x", "24"], True),
    "slow bodies": (["-B", "-i", "3", "-x", "10", "-s", "4096", "-t", "POST"], True),
    "slow reading": (["-X", "-n", "3", "-w", "1", "-y", "16", "-z", "8", "-k", "3"], False),
}


def log_in(site):
    """Logs in and gives the seconds that it took."""
    body = json.dumps({"user_id": "user01", "password": "user_01", "remember": False}).encode()
    asked = urllib.request.Request(f"{site.base}/api/login", body, {"Content-Type": "application/json"})
    began = time.monotonic()
    with urllib.request.urlopen(asked, timeout=10, context=site.context) as answer:
        assert answer.status == 200
    return time.monotonic() - began


class Site:
    def __init__(self, base, ca):
        self.base, self.context = base, ssl.create_default_context(cafile=ca)


def main():
    options = argparse.ArgumentParser()
    for name in ("base", "ca"):
        options.add_argument(f"--{name}", required=True)
    arguments = options.parse_args()
    site = Site(arguments.base, arguments.ca)
    passed = failed = 0
    for name, (how, must_close) in KINDS.items():
        path = "/api/notauth_func" if "-B" in how else "/"
        attack = subprocess.Popen(
            ["slowhttptest", *how, "-c", str(CONNECTIONS), "-r", "250", "-l", str(SECONDS), "-u", site.base + path],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        took = []
        while attack.poll() is None:
            took.append(log_in(site))
            time.sleep(0.5)
        said = re.sub(r"\x1b\[[0-9;]*m", "", attack.stdout.read())
        counts = {found: int(re.findall(rf"{found}:\s+(\d+)", said)[-1]) for found in ("connected", "closed")}
        if "No open connections left" in said:
            # It ends between two of its reports.
            counts = {"connected": 0, "closed": CONNECTIONS}
        slowest = sorted(took)[int(len(took) * 0.99)]
        is_good = slowest < 1 and (counts["connected"] == 0 or not must_close)
        passed, failed = passed + is_good, failed + (not is_good)
        print(
            f"{'ok  ' if is_good else 'FAIL'} {name}: {counts['closed']} closed and {counts['connected']} open at the end; "
            f"{len(took)} logins meanwhile, the slowest (p99) {slowest * 1000:.0f} ms",
            flush=True,
        )
    print(f"{passed} passed, {failed} failed")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
