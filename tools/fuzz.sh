#!/usr/bin/env bash
# Fuzzes the parsers of untrusted input: each target in fuzz/ for FUZZ_SECONDS (default 30), starting from its seeds.
# Failing inputs go to fuzz/artifacts/. The build and the corpus are in target/fuzz/.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"
cd "$project"

seconds=${FUZZ_SECONDS:-30}
# cargo-fuzz sets flags that replace those in .cargo/config.toml, but are added to RUSTFLAGS.
export RUSTFLAGS="--cfg=erase_components ${RUSTFLAGS:-}"
# Without sanitizers: they need a nightly compiler and would find little, because the project has no unsafe code.
# Coverage, which libFuzzer needs, works with a stable compiler.
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
