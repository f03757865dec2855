#!/usr/bin/env bash
# Lists the Makefile's recipes, each with the line that stands beside it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
echo "make …"
awk -F ':.*## ' '/^[a-z0-9]+:.*## / { printf "  %-8s %s\n", $1, $2 }' Makefile
