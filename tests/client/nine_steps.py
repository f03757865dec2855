#!/usr/bin/env python3
"""The nine steps of the old service's test, in their order and with one cookie jar, against a running Callgate.

    nine_steps.py --base https://localhost:8443 --ca certs/ca.pem

It is a client like any other: plain `requests`, verifying the server against its CA. Each step checks the whole
answer. A step that fails does not stop the ones after it; the last line counts both, and the exit code follows it.
"""

import argparse
import sys
from collections.abc import Callable

import requests

TIMEOUT_SECONDS = 60
USER = "user01"
LOGIN = {"user_id": USER, "passwd_hash": "user_01"}
ARGUMENTS = {"text": "hello", "number": 1, "list": [True, None]}
ECHO = '({"text":"hello","number":1,"list":[true,null]})'

Step = tuple[str, Callable[["Client"], None]]


class Unexpected(Exception):
    """The server answered something else."""


class Client:
    """Calls functions as one program does, keeping its cookies."""

    def __init__(self, base: str, ca: str) -> None:
        self.base = base.rstrip("/")
        self.session = requests.Session()
        self.session.trust_env = False  # this server and this CA, whatever proxies and bundles the machine has
        self.session.verify = ca

    def call(self, function: str, arguments: dict[str, object] | None = None) -> tuple[int, dict[str, object]]:
        """The status and the body that a call is answered with."""
        answer = self.session.post(f"{self.base}/api/{function}", json=arguments, timeout=TIMEOUT_SECONDS)
        return answer.status_code, answer.json()

    def expect_message(self, message: str, function: str, arguments: dict[str, object] | None = None) -> None:
        """Calls a function that has to be answered, with this message and nothing else."""
        answer = self.call(function, arguments)
        if answer != (200, {"ok": True, "msg": message}):
            raise Unexpected(f"{function} answered {answer}, expected the message {message!r}")


def start(client: Client) -> None:
    status = client.session.get(f"{client.base}/", timeout=TIMEOUT_SECONDS).status_code
    if status != 200:
        raise Unexpected(f"the home page answered {status}")


def public_call(client: Client) -> None:
    client.expect_message(f"notauth_func{ECHO}", "notauth_func", ARGUMENTS)


def guarded_call(client: Client) -> None:
    client.expect_message(f"auth_func{ECHO},user_id={USER}", "auth_func", ARGUMENTS)


def guarded_call_refused(client: Client) -> None:
    status, body = client.call("auth_func", ARGUMENTS)
    if status != 401 or body.get("ok") is not False or not body.get("error"):
        raise Unexpected(f"auth_func answered {(status, body)}, expected a refusal with 401")


def login(client: Client) -> None:
    client.expect_message(f"user <{USER}> logined", "login", LOGIN)


def logout(client: Client) -> None:
    client.expect_message(f"user <{USER}> logout", "logout")


STEPS: list[Step] = [
    ("the server answers", start),
    ("logged out: the public call is answered", public_call),
    ("logged out: the guarded call is refused", guarded_call_refused),
    ("login", login),
    ("logged in: the public call is answered", public_call),
    ("logged in: the guarded call is answered with the user's id", guarded_call),
    ("logout", logout),
    ("logged out again: the public call is answered", public_call),
    ("logged out again: the guarded call is refused", guarded_call_refused),
]


def main() -> int:
    parser = argparse.ArgumentParser(description="The nine steps of the old service's test.")
    parser.add_argument("--base", required=True, help="address of the server, such as https://localhost:8443")
    parser.add_argument("--ca", required=True, help="PEM file of the CA to verify the server against")
    options = parser.parse_args()

    client = Client(options.base, options.ca)
    failed = 0
    for number, (title, step) in enumerate(STEPS, start=1):
        try:
            step(client)
        except (Unexpected, requests.RequestException) as error:
            failed += 1
            print(f"{number}. {title}: FAILED, {error}")
        else:
            print(f"{number}. {title}: ok")
    print(f"{len(STEPS) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
