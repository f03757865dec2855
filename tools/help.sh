#!/usr/bin/env bash
# Lists the Makefile's targets with their descriptions.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
echo "make …"
awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  %-13s %s\n", $1, $2 }' Makefile
