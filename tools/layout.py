#!/usr/bin/env python3
"""Checks the layers of src/ (docs/architecture.md): no import against the order of folders, no import cycles.

Reads all `use` lines, including those inside functions. Ignores tests, `mod` declarations and `super` within one folder.
"""

import re
import sys
from pathlib import Path

SRC = Path(__file__).resolve().parent.parent / "src"

# Bottom to top. Each entry may import the ones before it.
ORDER = """platform contract server/runtime server/config server/telemetry server/model server/passwords server/storage server/nodes server/listener server/oidc
server/sessions server/throttle server/audit server/state server/sweeper server/auth server/registry server/accounts
functions parts pages app server/http server/run server/cli""".split()


def module_of(file):
    """The module path of a file, as a tuple: src/server/http/mod.rs is (server, http)."""
    parts = file.relative_to(SRC).with_suffix("").parts
    return parts[:-1] if parts[-1] == "mod" else parts


MODULES = {module_of(file): file for file in sorted(SRC.rglob("*.rs")) if file.name not in ("lib.rs", "main.rs")}


def leaves(tree):
    """The paths in a use tree: `a::{b, c::d}` gives [a, b] and [a, c, d]."""
    tree = tree.strip()
    head, brace, rest = tree.partition("{")
    if not brace:
        return [tree.split(" as ")[0].strip().split("::")]
    depth, start, parts = 0, 0, []
    inner = rest[: rest.rindex("}")]
    for position, char in enumerate(inner):
        depth += (char == "{") - (char == "}")
        if char == "," and depth == 0:
            parts.append(inner[start:position])
            start = position + 1
    parts.append(inner[start:])
    prefix = [name for name in head.strip().split("::") if name]
    return [prefix + leaf for part in parts if part.strip() for leaf in leaves(part)]


def imports(module, file):
    """The modules that a file imports, with line numbers."""
    text = re.split(r"^#\[cfg\(test\)\]\s*\n(?:pub(?:\([^)]*\))? )?mod ", file.read_text(), maxsplit=1, flags=re.M)[0]
    text = re.sub(r"//[^\n]*", "", text)
    for found in re.finditer(r"^\s*(?:pub(?:\([^)]*\))?\s+)?use\s+((?:crate|super|self)\b[^;]*);", text, flags=re.M):
        line = text.count("\n", 0, found.start(1)) + 1
        for leaf in leaves(found.group(1)):
            base = list(module)
            while leaf and leaf[0] in ("crate", "self", "super"):
                word = leaf.pop(0)
                base = [] if word == "crate" else base[:-1] if word == "super" else base
            path = base + leaf
            while path and tuple(path) not in MODULES:
                path.pop()
            # The files of a folder may use its mod.rs.
            if path and tuple(path) not in (module, module[:-1]):
                yield tuple(path), line


def rank(module):
    """The position of a module in the order."""
    for length in (2, 1):
        name = "/".join(module[:length])
        if name in ORDER:
            return ORDER.index(name)
    return None


def cycles(graph):
    """The strongly connected components with more than one file (Tarjan)."""
    index, low, stack, found = {}, {}, [], []

    def visit(node):
        index[node] = low[node] = len(index)
        stack.append(node)
        for other in graph.get(node, ()):
            if other not in index:
                visit(other)
                low[node] = min(low[node], low[other])
            elif other in stack:
                low[node] = min(low[node], index[other])
        if low[node] == index[node]:
            component = stack[stack.index(node) :]
            del stack[stack.index(node) :]
            if len(component) > 1:
                found.append(component)

    sys.setrecursionlimit(10_000)
    for node in graph:
        if node not in index:
            visit(node)
    return found


def main():
    violations, graph = [], {}
    for module, file in MODULES.items():
        for target, line in imports(module, file):
            location = f"src/{file.relative_to(SRC)}:{line}"
            graph.setdefault(module, set()).add(target)
            own, other = rank(module), rank(target)
            if own is not None and other is not None and other > own:
                violations.append(f"{location}: {ORDER[own]} imports {'::'.join(target)}")
    for component in cycles(graph):
        violations.append("cycle: " + ", ".join(sorted("::".join(module) for module in component)))
    print("\n".join(violations))
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
