#!/usr/bin/env python3
"""Tests a running Callgate against its own description, `/api/openapi.json`.

    openapi.py --base https://localhost:8443 --ca certs/ca.pem --program target/release/callgate --data .data \\
        --out target/openapi

The description has to be valid OpenAPI 3.1. Then schemathesis calls every operation, first as nobody and then as a user
that is added for it: with what fits the description, with what does not, and with what is hardly JSON at all. What an
answer must be like is in schemathesis.toml, how to log in is in schemathesis_hooks.py. The same seed sends the same.

Each operation counts once per caller; the last line counts all, and the exit code follows it. What schemathesis has to
say stays in the folder `--out`, and is shown where something failed.
"""

import argparse
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import requests
from openapi_spec_validator import OpenAPIV31SpecValidator

TIMEOUT_SECONDS = 60
SEED = 93
MAX_EXAMPLES = 60
HERE = Path(__file__).resolve().parent
USER = "openapi-tester"
PASSWORD = "seven grey herons by a pond"
NEW_PASSWORD = "nine brown otters in a stream"
METHODS = {"get", "put", "post", "delete", "options", "head", "patch", "trace"}

Document = dict[str, Any]


class Count:
    """Prints each result, and counts it."""

    def __init__(self) -> None:
        self.passed = self.failed = 0

    def add(self, title: str, problem: str | None, detail: str = "") -> None:
        if problem is None:
            self.passed += 1
        else:
            self.failed += 1
        verdict = "ok" if problem is None else f"FAILED, {problem}"
        print(f"{self.passed + self.failed}. {title}: {verdict}{detail and f' ({detail})'}", flush=True)


def fetch(base: str, ca: str) -> Document:
    """The document, over verified HTTPS."""
    with requests.Session() as session:
        session.trust_env = False  # this server and this CA, whatever proxies and bundles the machine has
        answer = session.get(f"{base}/api/openapi.json", verify=ca, timeout=TIMEOUT_SECONDS)
    content_type = answer.headers.get("Content-Type", "")
    if answer.status_code != 200 or content_type.split(";")[0] not in ("application/json", "application/openapi+json"):
        raise ValueError(f"it was answered with {answer.status_code} and {content_type or 'no content type'}")
    document = answer.json()
    if not isinstance(document, dict):
        raise ValueError("it is not an object")
    return document


def problem_of(document: Document, base: str) -> str | None:
    """What is wrong with the document as such."""
    if not str(document.get("openapi")).startswith("3.1."):
        return f"its version is {document.get('openapi')!r}, not 3.1"
    try:
        errors = [
            f"{'/'.join(map(str, error.absolute_path)) or 'at the top'}: {error.message.splitlines()[0][:500]}"
            for error in OpenAPIV31SpecValidator(document).iter_errors()
        ]
    except Exception as error:  # it gives up, in ways of its own, where a reference leads nowhere
        errors = [f"{type(error).__name__}: {str(error)[:500]}"]
    if errors:
        return "\n   ".join(errors)
    servers = [server["url"].rstrip("/") for server in document.get("servers", [])]
    if servers != [base]:
        return f"its servers are {servers}, but it was fetched from {base}"
    if not operations(document):
        return "it describes no operation"
    return None


def operations(document: Document) -> dict[str, bool]:
    """The operations, as schemathesis calls them, each with whether it needs a login."""
    anywhere = document.get("security", [])
    return {
        f"{method.upper()} {path}": bool(operation.get("security", anywhere))
        for path, item in document.get("paths", {}).items()
        for method, operation in item.items()
        if method in METHODS
    }


def schemathesis(options: argparse.Namespace, out: Path, login: dict[str, Any] | None) -> tuple[int, str]:
    """Runs schemathesis, and gives its exit code and its output."""
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", HERE / "schemathesis.toml", "run"]
    command += [f"{options.base}/api/openapi.json", "--url", options.base, "--tls-verify", options.ca]
    command += ["--seed", str(options.seed), "--max-examples", str(options.max_examples), "--no-color"]
    command += ["--report-junit-path", out / "junit.xml"]
    if login:
        # A made-up session only hides what a user is answered. Each operation is called once without and once with one.
        command += ["--generation-with-security-parameters", "false"]
    run = {"base": options.base, "ca": options.ca, "login": login, "statuses": str(out / "statuses.json")}
    environment = {
        **os.environ,
        "SCHEMATHESIS_HOOKS": "schemathesis_hooks",
        "OPENAPI_RUN": json.dumps(run),
        "PYTHONPATH": str(HERE),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0",  # sets in the same order each time
        "HYPOTHESIS_STORAGE_DIRECTORY": str(out / "hypothesis"),
        "NO_PROXY": "localhost",
        "no_proxy": "localhost",
        "COLUMNS": "200",
    }
    done = subprocess.run(
        command, cwd=out, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    )
    (out / "output.txt").write_text(done.stdout, encoding="utf-8")
    return done.returncode, done.stdout


def reported(report: Path) -> dict[str, str | None]:
    """What failed in each operation, if anything, from a report in JUnit's format."""
    if not report.exists():
        return {}
    problems: dict[str, str | None] = {}
    for case in ElementTree.parse(report).iter("testcase"):
        titles: list[str] = []
        for part in case:
            text = (part.text or "").strip()
            # A failure lists the checks that it breaks, as "- Server error"; an error begins with what it is.
            titles += re.findall(r"^- (?!Test Case ID)(.+)$", text, re.MULTILINE) or text.splitlines()[:1] or [part.tag]
        problems[case.get("name", "")] = ", ".join(dict.fromkeys(titles)) or None
    return problems


def test(options: argparse.Namespace, document: Document, login: dict[str, Any] | None, count: Count) -> None:
    """Tests all operations as one caller."""
    caller = "a user" if login else "nobody"
    out = options.out / caller.replace(" ", "-")
    out.mkdir()
    code, output = schemathesis(options, out, login)
    problems = reported(out / "junit.xml")
    answers = out / "statuses.json"
    statuses = json.loads(answers.read_text(encoding="utf-8")) if answers.exists() else {}
    labels = operations(document)
    # What is reported beside the operations is that the server went away, or that schemathesis itself broke.
    broke_off = ", ".join(problem for label, problem in problems.items() if problem and label not in labels)
    failed_before = count.failed
    for label, needs_login in labels.items():
        answered = statuses.get(label, {})
        problem = problems.get(label, "not tested") or (f"not tested to the end: {broke_off}" if broke_off else None)
        if problem is None and not answered:
            problem = "never answered"
        if problem is None and login and needs_login and answered.keys() <= {"401", "405"}:
            problem = "the login of the test did not count"
        detail = ", ".join(f"{times} x {status}" for status, times in sorted(answered.items())) or "never answered"
        if login and not any(status.startswith("2") for status in answered):
            detail += "; never done"
        count.add(f"as {caller}: {label}", problem, detail)
    if code != 0 and count.failed == failed_before:
        count.add(f"as {caller}: schemathesis as a whole", f"it ended with {code}")
    if code != 0 or count.failed > failed_before:
        # Bodies may be long; the file has them whole.
        print("\n" + "\n".join(line.rstrip()[:2000] for line in output.splitlines()) + "\n", flush=True)


def add_user(options: argparse.Namespace) -> dict[str, Any]:
    """Adds the user, and gives what the hooks are to know."""
    command = [str(options.program), "--data", str(options.data), "user"]
    subprocess.run([*command, "add", USER], input=PASSWORD, text=True, check=True, stdout=subprocess.DEVNULL)
    passwd = [*command, "passwd", USER]
    return {"user_id": USER, "password": PASSWORD, "new_password": NEW_PASSWORD, "passwd": passwd}


def main() -> int:
    parser = argparse.ArgumentParser(description="Tests a running Callgate against its own OpenAPI description.")
    parser.add_argument("--base", required=True, help="address of the server, such as https://localhost:8443")
    parser.add_argument("--ca", required=True, help="PEM file of the CA to verify the server against")
    parser.add_argument("--program", required=True, type=Path, help="the program, to add a user with")
    parser.add_argument("--data", required=True, type=Path, help="the server's data folder")
    parser.add_argument("--out", required=True, type=Path, help="an empty folder for what schemathesis writes")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--max-examples", type=int, default=MAX_EXAMPLES, help="made up for each operation and caller")
    options = parser.parse_args()
    options.base = options.base.rstrip("/")
    for name in ("ca", "program", "data", "out"):
        setattr(options, name, Path(getattr(options, name)).resolve())
    options.ca = str(options.ca)

    count = Count()
    document: Document = {}
    try:
        document = fetch(options.base, options.ca)
        problem = problem_of(document, options.base)
    except (ValueError, requests.RequestException) as error:
        problem = str(error)
    count.add("the document is OpenAPI 3.1", problem)
    if operations(document):
        test(options, document, None, count)
        test(options, document, add_user(options), count)
    print(f"{count.passed} passed, {count.failed} failed")
    return 1 if count.failed else 0


if __name__ == "__main__":
    sys.exit(main())
