"""What openapi.py has schemathesis do beyond its own: log in, and send bodies that no schema describes.

schemathesis loads this by SCHEMATHESIS_HOOKS. What it is to know is in OPENAPI_RUN, as JSON: `base` and `ca` of the
server, `statuses` (the file to write what was answered how often), and `login`, or null to stay logged out: `user_id`,
`password`, `new_password`, and `passwd`, the command that gives the user the password on its standard input back.
"""

import atexit
import json
import os
import subprocess
from collections import Counter, defaultdict
from pathlib import Path
from urllib.parse import urlsplit

import requests
import schemathesis
from schemathesis.auths import GLOBAL_AUTH_STORAGE, AuthContext

# Stands in a case for the session that it gets when it is sent, or for the id of that. Cases are made long before, and
# those that are sent earlier may log out, or end all sessions of the user.
SESSION_TO_COME = "a-session-to-come"

# Bodies that are JSON only at first sight, or JSON that few expect. Of the two deep ones, one is too large as well.
ODD_BODIES = [
    b'{"a":' + b"[" * 30_000 + b"]" * 30_000 + b"}",
    b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    b'{"a":1,"a":2}',
    b'{"a":"\\u0000","\\u0000":1}',
    b'{"a":"\x00"}',
    b'{"a":"\\ud800"}',
    b'{"a":"\xff\xfe"}',
    b'\xef\xbb\xbf{"a":1}',
    '{"a":1}'.encode("utf-16"),
    b'{"a":1e999}',
    b'{"a":' + b"9" * 400 + b"}",
    b'{"a":NaN}',
    b'{"a":1}{"a":1}',
    b'{"a":1',
    b'"{}"',
    b"[[]]",
    b"\x00",
]

run = json.loads(os.environ["OPENAPI_RUN"])
COOKIE = f"__Host-callgate-{urlsplit(run['base']).port}"
login = run["login"]
statuses = defaultdict(Counter)
# A session with cookies, so that each login replaces the one before.
browser = requests.Session()
browser.trust_env = False
browser.verify = run["ca"]


def call(function, arguments):
    """The reply to a call of the test's own."""
    answer = browser.post(f"{run['base']}/api/{function}", json=arguments, timeout=60)
    answer.raise_for_status()
    return answer.json()


if login:

    @schemathesis.auth(refresh_interval=None)
    class Login:
        """Every case is logged in, but those that schemathesis makes to see what happens without."""

        def get(self, case, context):
            return SESSION_TO_COME

        def set(self, case, data, context):
            case.cookies = {**(case.cookies or {}), COOKIE: data}


@schemathesis.hook
def before_add_examples(context, examples):
    """Adds the odd bodies, and valid ones that cannot be generated: without these, such functions never answer 200."""
    operation = context.operation
    bodies = list(ODD_BODIES)
    for alternative in operation.body if login else ():
        schema = alternative.raw_schema if isinstance(alternative.raw_schema, dict) else {}
        names = {"user_id", "password", "new_password"}.intersection(schema.get("properties", {}))
        known = {name: login[name] for name in sorted(names)}
        if known and known.keys() >= set(schema.get("required", [])):
            bodies.append(known)
        if operation.path == "/api/end_session":
            bodies.append({"id": SESSION_TO_COME})
    for body in bodies:
        case = operation.Case(body=body, media_type="application/json")
        if GLOBAL_AUTH_STORAGE.is_defined:
            GLOBAL_AUTH_STORAGE.set(case, AuthContext(operation=operation, app=None))
        examples.append(case)


@schemathesis.hook
def before_call(context, case, kwargs):
    """Logs in."""
    if login and case.cookies.get(COOKIE) == SESSION_TO_COME:
        call("login", {"user_id": login["user_id"], "password": login["password"], "remember": False})
        case.cookies[COOKIE] = browser.cookies[COOKIE]
        if case.body == {"id": SESSION_TO_COME}:
            sessions = call("my_sessions", {})["sessions"]
            case.body = {"id": next(session["id"] for session in sessions if session["current"])}


@schemathesis.hook
def after_call(context, case, response):
    """Counts the answer. If it is that the password was changed, changes it back."""
    statuses[case.operation.label][response.status_code] += 1
    if login and case.path == "/api/change_password" and response.status_code == 200:
        subprocess.run(login["passwd"], input=login["password"], text=True, check=True, capture_output=True)


@atexit.register
def write_statuses():
    Path(run["statuses"]).write_text(json.dumps(statuses), encoding="utf-8")
