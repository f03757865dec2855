#!/usr/bin/env bash
# Sets up, builds and starts Callgate with its demo users, on loopback only. Data is in .data/run.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"
cd "$project"
tools/build.sh
exec target/release/callgate serve --demo --data .data/run "$@"
