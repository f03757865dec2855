"""The table, the JSON and the picture."""

import json
import os
import platform
from html import escape
from pathlib import Path

LIMITS = (
    # What is compared, the figure that it must reach or stay under, and how it is found.
    ("guarded call, HTTP/1.1, share of the limit", 0.95, ">=", lambda r: row(r, "callgate auth_func", "h1")["ratio"]),
    ("guarded call, HTTP/2, share of the limit", 0.95, ">=", lambda r: row(r, "callgate auth_func", "h2")["ratio"]),
    ("guarded call, HTTP/1.1, p99 to the limit's", 1.2, "<=", lambda r: tail(r, "h1")),
    ("guarded call, HTTP/2, p99 to the limit's", 1.2, "<=", lambda r: tail(r, "h2")),
    ("guarded call to axum-login, HTTP/1.1", 3.5, ">=", lambda r: beside(r, "axum-login auth_func")),
    ("guarded call to Flask-Login, HTTP/1.1", 15, ">=", lambda r: beside(r, "flask-login auth_func")),
    ("calls with a million sessions, share of a thousand", 0.97, ">=", lambda r: r["growth"][-1]["ratio"]),
    ("hashing in a login, speed to bare argon2's", 0.95, ">=", lambda r: r["logins"]["hashing_ratio"]),
    ("logins a second, share of bare argon2", 0.95, ">=", lambda r: r["logins"]["ratio"]),
    ("p99 of calls under a flood of logins, ms", 250, "<=", lambda r: r["logins"]["flood"]["calls"]["p99"]),
    ("99.9 % of a flood answered, ms", 2000, "<=", lambda r: r["logins"]["flood"]["logins"]["p999"]),
    ("start to the first answer, ms", 100, "<=", lambda r: r["start_ms"]),
    ("idle memory, MB", 25, "<=", lambda r: r["idle_mb"]),
)


def row(results: dict, name: str, protocol: str) -> dict:
    return next(row for row in results["calls"] if row["name"] == name and row["protocol"] == protocol)


def tail(results: dict, protocol: str) -> float:
    return row(results, "callgate auth_func", protocol)["p99"] / row(results, "limit", protocol)["p99"]


def beside(results: dict, peer: str) -> float:
    return row(results, "callgate auth_func", "h1")["rate"] / row(results, peer, "h1")["rate"]


def machine() -> dict:
    """What the figures depend on, and nothing that names the machine."""
    models = [line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line]
    return {"processor": models[0] if models else platform.machine(), "cores": os.cpu_count()}


def table(results: dict) -> str:
    """All figures, for people."""
    lines = [f"{results['machine']['cores']} cores, {results['machine']['processor']}", ""]
    lines.append(f"{'':26}{'':>5}{'calls/s':>10}{'p50 ms':>9}{'p99 ms':>9}{'p99.9':>9}{'MB':>7}{'of limit':>10}")
    for row in results["calls"]:
        figures = f"{row['rate']:>10,.0f}{row['p50']:>9.2f}{row['p99']:>9.2f}{row['p999']:>9.2f}{row['mb']:>7.0f}"
        lines.append(f"{row['name']:26}{row['protocol']:>5}{figures}{row['ratio']:>10.3f}")
    lines += ["", f"{'stored users, sessions':26}{'calls/s':>10}{'of first':>10}{'login ms':>10}{'start ms':>10}{'MB':>7}{'file MB':>9}"]
    for row in results["growth"]:
        lines.append(
            f"{row['stored']:<26,}{row['rate']:>10,.0f}{row['ratio']:>10.3f}{row['login_ms']:>10.1f}"
            f"{row['start_ms']:>10.0f}{row['loaded_mb']:>7.0f}{row['file_mb']:>9.0f}"
        )
    logins, flood = results["logins"], results["logins"]["flood"]
    lines += [
        "",
        f"logins/s {logins['logins']:.1f}, bare argon2 {logins['bare_hashes']:.1f}; "
        f"core busy with a password {logins['login_core_ms']:.2f} ms, bare argon2 {logins['bare_core_ms']:.2f} ms",
        f"flood of 500 logins: calls p99 {flood['calls']['p99']:.1f} ms, {flood['calls']['rate']:.0f}/s; answers {flood['logins']['statuses']}, "
        f"slowest of 99.9 % {flood['logins']['p999']:.0f} ms; memory {flood['idle_mb']:.0f} -> {flood['most_mb']:.0f} -> {flood['after_mb']:.0f} MB",
        f"start {results['start_ms']:.0f} ms, idle memory {results['idle_mb']:.1f} MB",
        "",
    ]
    for words, wanted, how, find in LIMITS:
        found = find(results)
        is_met = found >= wanted if how == ">=" else found <= wanted
        lines.append(f"{'met   ' if is_met else 'MISSED'}  {words}: {found:.3g} ({how} {wanted})")
    return "\n".join(lines)


STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #1f2328 }
  .small { font-size: 11px; fill: #656d76 }
  .bar { fill: #8c959f } .own { fill: #1a7f64 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 } .small { fill: #9198a1 } .bar { fill: #656d76 } .own { fill: #3fb98f }
  }
"""


def picture(results: dict) -> str:
    """The calls a second over HTTP/1.1 as bars, as SVG."""
    rows = [row for row in results["calls"] if row["protocol"] == "h1"]
    most = max(row["rate"] for row in rows)
    lines = []
    for number, row in enumerate(rows):
        y = 34 + number * 26
        width = max(1, 330 * row["rate"] / most)
        kind = "bar own" if row["name"].startswith("callgate") else "bar"
        lines.append(f'<text x="170" y="{y + 13}" text-anchor="end">{escape(row["name"])}</text>')
        lines.append(f'<rect class="{kind}" x="180" y="{y}" width="{width:.1f}" height="17" rx="2"/>')
        lines.append(f'<text class="small" x="{188 + width:.1f}" y="{y + 13}">{row["rate"]:,.0f}</text>')
    height = 44 + len(rows) * 26
    title = "Calls a second over HTTPS (HTTP/1.1, 32 connections), more is better"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 600 {height}" role="img" aria-label="{title}">'
        f"<style>{STYLE}</style>\n<text class=\"small\" x=\"8\" y=\"18\">{title}</text>\n" + "\n".join(lines) + "\n</svg>\n"
    )


def write(results: dict, folder: Path) -> None:
    (folder / "results.json").write_text(json.dumps(results, indent=1) + "\n")
    (folder / "results.svg").write_text(picture(results))
