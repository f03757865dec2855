"""Reads what testssl.sh found: passes where nothing matters but what is explained here."""

import json
import sys

# Found on every development certificate, or on this machine only.
EXPLAINED = {
    "cipher_order": "all suites that are offered are strong, so the client may choose the one that is fast for it",
    "cert_revocation": "the development certificate is trusted by hand and taken back by hand; a public one says where to ask",
}
# What is good, what is neither good nor bad, and what testssl.sh could not find out.
HARMLESS = ("OK", "INFO", "LOW", "WARN", "DEBUG")


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        findings = json.load(file)
    assert findings, "testssl.sh found nothing at all, not even what is good"
    failed = 0
    for finding in findings:
        name, severity = finding["id"], finding["severity"]
        is_good = severity in HARMLESS or name in EXPLAINED
        why = f" ({EXPLAINED[name]})" if severity not in HARMLESS and is_good else ""
        print(f"{'ok  ' if is_good else 'FAIL'} {name}: {severity}: {finding['finding']}{why}")
        failed += not is_good
    print(f"{len(findings) - failed} passed, {failed} failed")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
