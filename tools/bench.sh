#!/usr/bin/env bash
# Benchmarks the release build against a bare axum server and its peers, on loopback, in about ten minutes. See
# benches/README.md. Results go to benches/results.json and benches/results.svg.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"
cd "$project"
tools/build.sh
tools/setup.sh bench
. tools/env.sh
cargo build --release --locked --bins --manifest-path benches/peers/Cargo.toml --target-dir benches/peers/target
cd benches
exec timeout --kill-after=30 1500 python3 -m harness "$@"
