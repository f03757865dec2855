"""Calls every function with a client that openapi-python-client generates from `/api/openapi.json`.

Each function is called once, with the example of its description, by the demo's administrator, who logs in anew before it.
The generator may not warn, and no answer may fail to decode. `--calls` writes the same calls for the TypeScript client
(typescript/client.ts), which tsc checks. `tools/generated.sh` runs both.
"""

import argparse
import importlib
import json
import re
import ssl
import subprocess
import sys
from pathlib import Path
from typing import get_args, get_type_hints

PACKAGE = "callgate_api"
ADMINISTRATOR = {"user_id": "user03", "password": "user_03"}
# Stands in an example for a secret, which only its user can fill in.
SECRET = "…"


class Unexpected(Exception):
    """The server answered something else, or the client decoded it to something else."""


def calls_of(document):
    """The name and the example of each function, with the statuses that may be answered, in the order of the calls.

    What needs nothing to exist comes first: that makes the user and the role that other examples name. What deletes them
    comes last.
    """
    calls = []
    for item in document["paths"].values():
        operation = item["post"]
        example = operation["requestBody"]["content"]["application/json"]["example"]
        documented = operation["responses"].keys()
        allowed = [200, *(int(status) for status in ("404", "409") if status in documented)]
        if SECRET in json.dumps(example, ensure_ascii=False):
            allowed += [401, 422]
        calls.append((operation["operationId"], example, allowed))
    return sorted(reversed(calls), key=lambda call: (404 in call[2], 409 in call[2]))


def typescript(calls):
    """The same calls, for typescript/client.ts."""
    lines = ["import type { Call } from '../client.js';", "", "export const calls: Call[] = ["]
    for name, example, allowed in calls:
        body = json.dumps(example, ensure_ascii=False)
        call = f"(client) => client.POST('/api/{name}', {{ body: {body} }})"
        lines.append(f"  {{ name: '{name}', allowed: {allowed}, call: {call} }},")
    return "\n".join([*lines, "];", ""])


def generate(document, out):
    """Has the client generated into the folder, and says what the generator complained of."""
    config = out / "config.json"
    # Formatting the client is left out.
    config.write_text('{ "post_hooks": [] }', encoding="utf-8")
    command = [sys.executable, "-m", "openapi_python_client", "generate", "--path", document, "--config", config]
    command += ["--output-path", out / PACKAGE, "--meta", "none", "--overwrite", "--fail-on-warning"]
    ran = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return ran.stdout if ran.returncode != 0 else None


def utc(text):
    """JSON with its times as Python writes them."""
    return re.sub(r"(\d{2}:\d{2}:\d{2}(?:\.\d+)?)Z\"", r'\1+00:00"', text)


def call(client, name, arguments):
    """The status that a call is answered with. What is sent and answered must come through the client unchanged."""
    function = importlib.import_module(f"{PACKAGE}.api.default.{name}").sync_detailed
    body_type = get_type_hints(function)["body"]
    # Where a body may be left out, its type is the first of two.
    body_type = (get_args(body_type) or [body_type])[0]
    body = body_type.from_dict(arguments)
    if body.to_dict() != arguments:
        raise Unexpected(f"{arguments} became {body.to_dict()}")
    response = function(client=client, body=body)
    answer, decoded = json.loads(utc(response.content.decode())), response.parsed.to_dict()
    if json.loads(utc(json.dumps(decoded))) != answer:
        raise Unexpected(f"{answer} was decoded to {decoded}")
    return int(response.status_code)


def every_function_answers_a_generated_python_client_as_described(options, calls):
    """Calls them, and counts the failures."""
    sys.path.insert(0, str(options.out))
    new_client = importlib.import_module(PACKAGE).Client
    context = ssl.create_default_context(cafile=options.ca)
    failed = 0
    for name, arguments, allowed in calls:
        # `trust_env`: this server, whatever proxies the machine has. A status that is not described is an error.
        client = new_client(
            base_url=options.base, verify_ssl=context, raise_on_unexpected_status=True, httpx_args={"trust_env": False}
        )
        problem, status = None, "no answer"
        try:
            with client:
                if call(client, "login", ADMINISTRATOR) != 200:
                    raise Unexpected("the login before it was refused")
                status = call(client, name, arguments)
            if status not in allowed:
                problem = f"not one of {allowed}"
        except Exception as error:  # whatever the generated code makes of an answer
            problem = f"{type(error).__name__}: {str(error)[:1000]}"
        failed += problem is not None
        print(f"Python: {name}: {f'FAILED, {problem}' if problem else 'ok'} ({status})", flush=True)
    return failed


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", required=True, help="address of the server, such as https://localhost:8443")
    parser.add_argument("--ca", required=True, help="PEM file of the CA to verify the server against")
    parser.add_argument("--document", required=True, type=Path, help="the file that /api/openapi.json was saved as")
    parser.add_argument("--out", required=True, type=Path, help="an empty folder for the generated client")
    parser.add_argument("--calls", required=True, type=Path, help="the file to write the calls to, in TypeScript")
    options = parser.parse_args()

    calls = calls_of(json.loads(options.document.read_text(encoding="utf-8")))
    options.calls.write_text(typescript(calls), encoding="utf-8")
    problem = generate(options.document, options.out)
    print(f"Python: the client is generated without a warning: {'FAILED' if problem else 'ok'}")
    if problem:
        print(problem)
        print("0 passed, 1 failed")
        sys.exit(1)
    failed = every_function_answers_a_generated_python_client_as_described(options, calls)
    print(f"{len(calls) + 1 - failed} passed, {failed} failed")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
