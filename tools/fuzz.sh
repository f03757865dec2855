#!/usr/bin/env bash
# Fuzzes what reads input from anybody: each target in fuzz/ for FUZZ_SECONDS (30 by default), from its seeds.
# What breaks a target is kept in fuzz/artifacts/ and shown; target/fuzz/ keeps the build and what was learned.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"
cd "$project"

seconds=${FUZZ_SECONDS:-30}
# cargo-fuzz has flags of its own, which take the place of those in .cargo/config.toml, and not of these.
export RUSTFLAGS="--cfg=erase_components ${RUSTFLAGS:-}"
# Coverage is all that libFuzzer needs of the compiler, and a stable one has that. The sanitizers want a nightly one, and
# would find little: there is no unsafe code of ours.
options=(--fuzz-dir fuzz --target-dir target/fuzz --sanitizer none --dev)
passed=0 failed=0
cargo fuzz build "${options[@]}"
for seeds in fuzz/seeds/*/; do
  target=$(basename "$seeds")
  corpus=target/fuzz/corpus/$target
  mkdir -p "$corpus"
  printf '\n-- %s --\n' "$target"
  log=target/test-logs/fuzz-$target.log
  mkdir -p "$(dirname "$log")"
  if cargo fuzz run "${options[@]}" "$target" "$corpus" "$seeds" -- \
    -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=8192 -print_final_stats=1 >"$log" 2>&1; then
    grep -E '^(Done|stat::number_of_executed_units)' "$log" || true
    passed=$((passed + 1))
  else
    tail -n 40 "$log"
    failed=$((failed + 1))
  fi
done
printf '\n%d passed, %d failed\n' "$passed" "$failed"
if [ $failed -gt 0 ]; then exit 1; fi
