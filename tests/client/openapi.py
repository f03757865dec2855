"""Tests a running Callgate against its own description, `/api/openapi.json`. `tools/openapi.sh` starts both.

The description has to be valid OpenAPI 3.1. Then schemathesis calls every operation, first as nobody and then as a user
that is added for it: with what fits the description, with what does not, and with what is hardly JSON at all. What an
answer must be like is in schemathesis.toml, how to log in is in schemathesis_hooks.py.

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
from xml.etree import ElementTree

import requests
from openapi_spec_validator import OpenAPIV31SpecValidator

HERE = Path(__file__).resolve().parent
USER = {
    "user_id": "openapi-tester",
    "password": "seven grey herons by a pond",
    "new_password": "nine brown otters in a stream",
}
METHODS = {"get", "put", "post", "delete", "options", "head", "patch", "trace"}
problems_found = []


def result(title, problem, detail=""):
    """Prints and counts it."""
    problems_found.append(problem)
    print(f"{len(problems_found)}. {title}: {f'FAILED, {problem}' if problem else 'ok'} {detail}".rstrip(), flush=True)


def fetch(options):
    """The document, over verified HTTPS."""
    with requests.Session() as session:
        session.trust_env = False  # this server and this CA, whatever proxies and bundles the machine has
        answer = session.get(f"{options.base}/api/openapi.json", verify=options.ca, timeout=60)
    kind = answer.headers.get("Content-Type", "")
    if answer.status_code != 200 or kind.split(";")[0] not in ("application/json", "application/openapi+json"):
        raise ValueError(f"it was answered with {answer.status_code} and {kind or 'no content type'}")
    return answer.json()


def problem_of(document, base):
    """What is wrong with the document as such."""
    if not document["openapi"].startswith("3.1."):
        return f"its version is {document['openapi']}, not 3.1"
    try:
        OpenAPIV31SpecValidator(document).validate()
    except Exception as error:  # it gives up, in ways of its own, where a reference leads nowhere
        return f"{type(error).__name__}: {str(error)[:1000]}"
    servers = [server["url"].rstrip("/") for server in document.get("servers", [])]
    if servers != [base]:
        return f"its servers are {servers}, but it was fetched from {base}"
    return None if operations(document) else "it describes no operation"


def operations(document):
    """The operations, as schemathesis calls them, each with whether it needs a login."""
    anywhere = document.get("security", [])
    return {
        f"{method.upper()} {path}": bool(operation.get("security", anywhere))
        for path, item in document.get("paths", {}).items()
        for method, operation in item.items()
        if method in METHODS
    }


def schemathesis(options, out, login):
    """Runs schemathesis, and gives its exit code, its output, and what was answered how often."""
    statuses = out / "statuses.json"
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", HERE / "schemathesis.toml", "run", "--no-color"]
    command += [f"{options.base}/api/openapi.json", "--url", options.base, "--tls-verify", options.ca]
    command += ["--max-examples", str(options.max_examples), "--report-junit-path", out / "junit.xml"]
    if login:
        # A generated session id only hides what a user is answered. Each operation is called once without and once with one.
        command += ["--generation-with-security-parameters", "false"]
    run = {"base": options.base, "ca": str(options.ca), "login": login, "statuses": str(statuses)}
    environment = os.environ | {
        "SCHEMATHESIS_HOOKS": "schemathesis_hooks",
        "OPENAPI_RUN": json.dumps(run),
        "PYTHONPATH": str(HERE),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0",  # sets in the same order each time
        "HYPOTHESIS_STORAGE_DIRECTORY": str(out / "hypothesis"),
        "no_proxy": "localhost",
        "COLUMNS": "200",
    }
    with open(out / "output.txt", "w", encoding="utf-8") as output:
        code = subprocess.run(command, cwd=out, env=environment, stdout=output, stderr=subprocess.STDOUT).returncode
    output = (out / "output.txt").read_text(encoding="utf-8", errors="replace")
    return code, output, json.loads(statuses.read_text(encoding="utf-8")) if statuses.exists() else {}


def reported(report):
    """What failed in each operation, if anything, from a report in JUnit's format."""
    problems = {}
    for case in ElementTree.parse(report).iter("testcase") if report.exists() else ():
        titles = []
        for part in case:
            text = (part.text or "").strip()
            # A failure lists the checks that it breaks, as "- Server error"; an error begins with what it is.
            titles += re.findall(r"^- (?!Test Case ID)(.+)$", text, re.MULTILINE) or text.splitlines()[:1] or [part.tag]
        problems[case.get("name")] = ", ".join(dict.fromkeys(titles))
    return problems


def test(options, document, caller, login=None):
    """Tests all operations as one caller."""
    out = options.out / caller.replace(" ", "-")
    out.mkdir()
    before = len(problems_found)
    code, output, statuses = schemathesis(options, out, login)
    problems, labels = reported(out / "junit.xml"), operations(document)
    # What is reported beside the operations is that the server went away, or that schemathesis itself broke.
    broke_off = ", ".join(problem for label, problem in problems.items() if problem and label not in labels)
    for label, needs_login in labels.items():
        answered = statuses.get(label, {})
        problem = problems.get(label, "not tested") or (broke_off and f"not tested to the end: {broke_off}")
        if not problem and not answered:
            problem = "never answered"
        if not problem and login and needs_login and answered.keys() <= {"401", "405"}:
            problem = "the login of the test did not count"
        detail = ", ".join(f"{times} x {status}" for status, times in sorted(answered.items()))
        if login and not any(status.startswith("2") for status in answered):
            detail += "; never done"
        result(f"as {caller}: {label}", problem, f"({detail})")
    if code != 0 and not any(problems_found[before:]):
        result(f"as {caller}: schemathesis as a whole", f"it ended with {code}")
    if any(problems_found[before:]):
        # Bodies may be long; the file has them whole.
        print("", *(line.rstrip()[:2000] for line in output.splitlines()), "", sep="\n", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", required=True, help="address of the server, such as https://localhost:8443")
    parser.add_argument("--ca", required=True, type=Path, help="PEM file of the CA to verify the server against")
    parser.add_argument("--program", required=True, type=Path, help="the program, to add a user with")
    parser.add_argument("--data", required=True, type=Path, help="the server's data folder")
    parser.add_argument("--out", required=True, type=Path, help="an empty folder for what schemathesis writes")
    parser.add_argument("--max-examples", type=int, default=60, help="examples generated for each operation and caller")
    options = parser.parse_args()
    options.ca, options.out = options.ca.resolve(), options.out.resolve()

    document = {}
    try:
        document = fetch(options)
        problem = problem_of(document, options.base)
    except (ValueError, KeyError, requests.RequestException) as error:
        problem = repr(error)
    result("the document is OpenAPI 3.1", problem)
    if operations(document):
        test(options, document, "nobody")
        command = [str(options.program.resolve()), "--data", str(options.data.resolve()), "user"]
        add = [*command, "add", USER["user_id"]]
        subprocess.run(add, input=USER["password"], text=True, check=True, stdout=subprocess.DEVNULL)
        test(options, document, "a user", USER | {"passwd": [*command, "passwd", USER["user_id"]]})
    failed = sum(map(bool, problems_found))
    print(f"{len(problems_found) - failed} passed, {failed} failed")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
