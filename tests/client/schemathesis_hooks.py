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
from typing import Any

import requests
import schemathesis
from schemathesis.auths import GLOBAL_AUTH_STORAGE, AuthContext

COOKIE = "__Host-callgate"
# Stands in a case for the session that it gets when it is sent, or for the id of that. Cases are made long before, and
# those that are sent earlier may log out, or end all sessions of the user.
SESSION_TO_COME = "a-session-to-come"
TIMEOUT_SECONDS = 60

# Bodies that are JSON only at first sight, or JSON that few expect. Of the two deep ones, one is too large as well.
ODD_BODIES = (
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
)

run: dict[str, Any] = json.loads(os.environ["OPENAPI_RUN"])
login: dict[str, Any] | None = run["login"]
statuses: dict[str, Counter[int]] = defaultdict(Counter)
# Arguments that cannot be made up.
known: dict[str, str] = {}
if login:
    known = {name: login["password"] for name in ("password", "current_password", "old_password")}
    known |= {"user_id": login["user_id"], "new_password": login["new_password"]}
# Its cookies are kept, so that each login takes the place of the one before.
browser = requests.Session()
browser.trust_env = False
browser.verify = run["ca"]


def call(function: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """The reply to a call of the test's own."""
    answer = browser.post(f"{run['base']}/api/{function}", json=arguments, timeout=TIMEOUT_SECONDS)
    if answer.status_code != 200:
        raise RuntimeError(f"the test's own call of {function} was answered {answer.status_code} {answer.text}")
    return answer.json()


def log_in() -> str:
    """A new session."""
    call("login", {"user_id": login["user_id"], "password": login["password"], "remember": False})
    return browser.cookies[COOKIE]


def id_of_session() -> str:
    """What the new session is called in the list of sessions."""
    return next(session["id"] for session in call("my_sessions", {})["sessions"] if session["current"])


if login:

    @schemathesis.auth(refresh_interval=None)
    class Login:
        """Every case is logged in, but those that schemathesis makes to see what happens without."""

        def get(self, case: schemathesis.Case, context: AuthContext) -> str:
            return SESSION_TO_COME

        def set(self, case: schemathesis.Case, data: str, context: AuthContext) -> None:
            case.cookies = {**(case.cookies or {}), COOKIE: data}


@schemathesis.hook
def before_add_examples(context: schemathesis.HookContext, examples: list[schemathesis.Case]) -> None:
    """Adds the odd bodies, and what cannot be made up: without it, no call of such a function would be answered 200."""
    operation = context.operation
    bodies: list[Any] = list(ODD_BODIES)
    for alternative in operation.body if login else ():
        schema = alternative.raw_schema if isinstance(alternative.raw_schema, dict) else {}
        given = {name: known[name] for name in schema.get("properties", {}) if name in known}
        if given and set(schema.get("required", [])) <= given.keys():
            bodies.append(given)
        if operation.path == "/api/end_session":
            bodies.append({"id": SESSION_TO_COME})
    for body in bodies:
        case = operation.Case(body=body, media_type="application/json")
        if GLOBAL_AUTH_STORAGE.is_defined:
            GLOBAL_AUTH_STORAGE.set(case, AuthContext(operation=operation, app=None))
        examples.append(case)


@schemathesis.hook
def before_call(context: schemathesis.HookContext, case: schemathesis.Case, kwargs: dict[str, Any]) -> None:
    """Logs in."""
    if login and case.cookies.get(COOKIE) == SESSION_TO_COME:
        case.cookies[COOKIE] = log_in()
        if case.body == {"id": SESSION_TO_COME}:
            case.body = {"id": id_of_session()}


@schemathesis.hook
def after_call(context: schemathesis.HookContext, case: schemathesis.Case, response: schemathesis.Response) -> None:
    """Counts the answer. If it is that the password was changed, changes it back."""
    statuses[case.operation.label][response.status_code] += 1
    if login and case.path == "/api/change_password" and response.status_code == 200:
        subprocess.run(login["passwd"], input=login["password"], text=True, check=True, capture_output=True)


@atexit.register
def write_statuses() -> None:
    with open(run["statuses"], "w", encoding="utf-8") as file:
        json.dump(statuses, file)
