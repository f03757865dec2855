#!/usr/bin/env python3
"""Judges what sslscan saw of a running Callgate (security checks 1 and 2).

    sslscan.py scan.xml

Each demand is a test. The last line counts them, and the exit code follows it. sslscan links an OpenSSL that may not
know ML-KEM and has no compression to offer; testssl.sh (`make attack`) looks at the group, and rustls has no
compression at all.
"""

import sys
import xml.etree.ElementTree as ElementTree

AEAD = ("GCM", "CHACHA20_POLY1305", "CHACHA20-POLY1305", "CCM")
# Groups of at least 128 bits. The hybrid ones are named by an sslscan that can see them.
GROUPS = {
    "secp256r1 (NIST P-256)",
    "secp384r1 (NIST P-384)",
    "x25519",
    "X25519MLKEM768",
    "SecP256r1MLKEM768",
}


def is_good_suite(suite: ElementTree.Element) -> bool:
    """Whether a suite encrypts with authentication and has forward secrecy. TLS 1.3 has no other ones."""
    name = suite.attrib["cipher"]
    has_forward_secrecy = suite.attrib["sslversion"] == "TLSv1.3" or name.startswith("ECDHE-")
    return has_forward_secrecy and any(mode in name for mode in AEAD)


def is_good_key(key: ElementTree.Element) -> bool:
    """Whether a public key is on P-256 or better, or RSA with at least 2048 bits."""
    bits = int(key.attrib["bits"])
    if key.attrib["type"] == "EC":
        return bits >= 128
    return key.attrib["type"] == "RSA" and bits >= 2048


def demands(scan: ElementTree.Element) -> list[tuple[str, bool, object]]:
    """What is demanded, whether it is so, and what was seen."""
    protocols = {
        (protocol.attrib["type"], protocol.attrib["version"]): protocol.attrib["enabled"] == "1"
        for protocol in scan.iter("protocol")
    }
    wanted = {
        ("ssl", "2"): False,
        ("ssl", "3"): False,
        ("tls", "1.0"): False,
        ("tls", "1.1"): False,
        ("tls", "1.2"): True,
        ("tls", "1.3"): True,
    }
    result: list[tuple[str, bool, object]] = [
        (f"{kind} {version} is {'on' if is_on else 'off'}", protocols.get((kind, version)) == is_on, protocols)
        for (kind, version), is_on in wanted.items()
    ]

    suites = list(scan.iter("cipher"))
    for version in ("TLSv1.2", "TLSv1.3"):
        names = [suite.attrib["cipher"] for suite in suites if suite.attrib["sslversion"] == version]
        result.append((f"{version} has suites", bool(names), names))
    bad = [suite.attrib["cipher"] for suite in suites if not is_good_suite(suite)]
    result.append(("every suite is AEAD with forward secrecy", not bad, bad))

    groups = {group.attrib["name"] for group in scan.iter("group")}
    result.append(("x25519 and P-256 are offered", {"x25519", "secp256r1 (NIST P-256)"} <= groups, groups))
    result.append(("no group is weaker or unknown", groups <= GROUPS, groups - GROUPS))

    renegotiation = [element.attrib for element in scan.iter("renegotiation")]
    refused = [one["supported"] == "0" for one in renegotiation]
    result.append(("a client cannot renegotiate", refused != [] and all(refused), renegotiation))
    compression = [element.attrib for element in scan.iter("compression")]
    result.append(("there is no compression", all(one["supported"] == "0" for one in compression), compression))
    heartbleed = [element.attrib for element in scan.iter("heartbleed")]
    safe = [one["vulnerable"] == "0" for one in heartbleed]
    result.append(("there is no heartbleed", safe != [] and all(safe), heartbleed))

    keys = list(scan.iter("pk"))
    seen = [key.attrib for key in keys]
    result.append(("the key is on P-256 or RSA of 2048 bits", seen != [] and all(map(is_good_key, keys)), seen))
    hashes = [element.text or "" for element in scan.iter("signature-algorithm")]
    signed = hashes != [] and all("sha1" not in name.lower() and "md5" not in name.lower() for name in hashes)
    result.append(("the certificate is signed with a good hash", signed, hashes))
    expired = [element.text for element in scan.iter("expired")]
    result.append(("the certificate is in time", expired == ["false"], expired))
    return result


def main() -> int:
    scan = ElementTree.parse(sys.argv[1]).getroot().find("ssltest")
    if scan is None:
        print("sslscan reached no server.")
        return 1
    failed = 0
    results = demands(scan)
    for what, is_so, seen in results:
        if is_so:
            print(f"ok    {what}")
        else:
            failed += 1
            print(f"FAIL  {what}: {seen}")
    print(f"{len(results) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
