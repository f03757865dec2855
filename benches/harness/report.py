"""Writes the results as a table, JSON and SVG."""

import json
import os
import platform
from html import escape
from pathlib import Path

GOALS = (
    # Name, limit, comparison, and how to compute the figure.
    ("guarded call to axum-login, HTTP/1.1", 2.5, ">=", lambda r: against(r, "axum-login auth_func", "h1")),
    ("guarded call to Flask-Login, HTTP/1.1", 15, ">=", lambda r: against(r, "flask-login auth_func", "h1")),
    ("guarded call to an expert's assembly, HTTP/1.1", 0.95, ">=", lambda r: against(r, "assembly auth_func", "h1")),
    ("guarded call to an expert's assembly, HTTP/2", 0.95, ">=", lambda r: against(r, "assembly auth_func", "h2")),
    ("calls with a million sessions, share of a thousand", 0.95, ">=", lambda r: r["growth"][-1]["ratio"]),
    ("p99 of calls under a flood of logins, ms", 250, "<=", lambda r: r["logins"]["flood"]["calls"]["p99"]),
)


def row(results: dict, name: str, protocol: str) -> dict:
    return next(row for row in results["calls"] if row["name"] == name and row["protocol"] == protocol)


def against(results: dict, peer: str, protocol: str) -> float:
    """The median of the ratios per round."""
    return row(results, "callgate auth_func", protocol)["against"][peer]


def machine() -> dict:
    """The hardware that the figures depend on. Nothing in it identifies the machine."""
    models = [line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line]
    return {"processor": models[0] if models else platform.machine(), "cores": os.cpu_count()}


def table(results: dict) -> str:
    """All figures as a text table."""
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
    lines += ["", nodes_table(results["nodes"])]
    logins, flood = results["logins"], results["logins"]["flood"]
    lines += [
        "",
        f"logins/s {logins['logins']:.1f}, bare argon2 {logins['bare_hashes']:.1f}; "
        f"CPU of a login {logins['login_core_ms']:.2f} ms, bare argon2 {logins['bare_core_ms']:.2f} ms",
        f"flood of 500 logins: calls p99 {flood['calls']['p99']:.1f} ms, {flood['calls']['rate']:.0f}/s; answers {flood['logins']['statuses']}, "
        f"slowest of 99.9 % {flood['logins']['p999']:.0f} ms; memory {flood['idle_mb']:.0f} -> {flood['most_mb']:.0f} -> {flood['after_mb']:.0f} MB",
        f"start {results['start_ms']:.0f} ms, idle memory {results['idle_mb']:.1f} MB",
        "",
    ]
    for words, wanted, how, find in GOALS:
        found = find(results)
        is_met = found >= wanted if how == ">=" else found <= wanted
        lines.append(f"{'met   ' if is_met else 'MISSED'}  {words}: {found:.3g} ({how} {wanted})")
    return "\n".join(lines)


def nodes_table(nodes: dict) -> str:
    """The figures with PostgreSQL as a text table."""
    lines = [f"{'PostgreSQL':34}{'calls/s':>10}{'of SQLite':>10}{'p50 ms':>9}{'p99 ms':>9}{'transactions/s':>16}"]
    for row in nodes["calls"]:
        name = f"{row['nodes']} node{'s' if row['nodes'] > 1 else ''}, trust_ms {row['trust_ms']}"
        if row["distance_ms"]:
            name += f", {row['distance_ms']} ms away"
        figures = f"{row['rate']:>10,.0f}{row['of_sqlite']:>10.3f}{row['p50']:>9.2f}{row['p99']:>9.2f}"
        lines.append(f"{name:34}{figures}{row['transactions']:>16,.0f}")
    for row in nodes["logins"]:
        lines.append(f"logins/s without the cost of hashing, {row['nodes']} nodes: {row['rate']:,.0f}")
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
    """A bar chart of the calls per second over HTTP/1.1, as SVG."""
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
