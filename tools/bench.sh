#!/usr/bin/env bash
# Measures the release build beside its limit and its peers, on loopback, in about five minutes: see benches/README.md.
# The figures go to benches/results.json and benches/results.svg.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"
cd "$project"
tools/build.sh
tools/setup.sh bench
. tools/env.sh
cargo build --release --locked --bins --manifest-path benches/peers/Cargo.toml --target-dir benches/peers/target
cd benches
# What is in the environment is a setting to Callgate.
exec timeout --kill-after=30 900 python3 -m harness "$@"
