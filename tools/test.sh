#!/usr/bin/env bash
# Runs the test suites in order and prints a table and the totals. A failed suite does not stop the later ones.
# `test.sh` runs all suites, `test.sh check` those that only read the source, `test.sh unit e2e` the named ones,
# `test.sh postgres-all` the Rust tests with servers on PostgreSQL, and `test.sh attack` those that take too long for
# `make test`. Tests that pass only at the second attempt are listed as flaky; more than five of them count as a failure.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"
cd "$project"

check=(format clippy-server clippy-browser docs deny gates)
all=("${check[@]}" unit postgres doctests build artefacts client openapi e2e)
# Bounded in time, against separate servers on loopback only.
attack=(attacks testssl openapi-long fuzz soak dev)
max_flaky=5

suite_format() {
  cargo fmt --all --check && cargo fmt --check --manifest-path fuzz/Cargo.toml &&
    cargo fmt --check --manifest-path benches/peers/Cargo.toml
}
suite_clippy-server() { cargo clippy --all-targets --features ssr -- -D warnings; }
suite_clippy-browser() {
  cargo clippy --lib --target wasm32-unknown-unknown --no-default-features --features hydrate \
    --target-dir target/front -- -D warnings
}
# There are no examples. The option --examples makes cargo reuse the dependencies that `suite_clippy-server` built.
suite_docs() { RUSTDOCFLAGS="-D warnings" cargo doc --lib --examples --no-deps --document-private-items --features ssr; }
suite_deny() { tools/deny.sh; }
suite_gates() { tools/gates.sh; }
suite_unit() { tools/unit.sh; }
suite_postgres() { TEST_ENGINE=postgres tools/unit.sh --profile postgres-quick; }
suite_postgres-all() { TEST_ENGINE=postgres tools/unit.sh --profile postgres; }
# Examples in the README and in doc comments, and code that must not compile.
suite_doctests() { cargo test --doc --features ssr; }
suite_build() { tools/build.sh; }
suite_artefacts() { tools/artefacts.sh; }
suite_client() {
  local status=0
  tools/client.sh || status=1
  tools/generated.sh || status=1
  return $status
}
suite_openapi() { tools/openapi.sh --max-examples 5; }
suite_openapi-long() { tools/openapi.sh --max-examples 60; }
suite_e2e() { tools/e2e.sh; }
# `make dev`, in a browser. Built first, because the tests do not wait for a compiler. LEPTOS_WATCH makes the build
# reusable by `cargo leptos watch`. The reload port differs from that of a running `make dev`.
suite_dev() {
  LEPTOS_WATCH=true LEPTOS_SITE_ROOT=target/dev-site cargo leptos build --split &&
    LEPTOS_RELOAD_PORT=$((10000 + RANDOM % 8000)) END2END_PROGRAM=tools/dev.sh \
      tools/e2e.sh --workers=1 --project=hydrated-desktop login.hydrated call.hydrated
}
suite_fuzz() { tools/fuzz.sh; }
suite_soak() { tools/soak.sh; }
suite_testssl() { tools/testssl.sh; }
suite_attacks() { ATTACK=full tools/unit.sh --profile attack; }

# count_<suite> reads a suite's output and prints "<passed> <failed> <skipped>". Suites without it are not counted.
# flaky_<suite> prints the names of the tests that passed only at the second attempt.
count_unit() {
  awk '/^ *Summary .* tests? run: / {
      for (i = 2; i <= NF; i++) { if ($i ~ /^passed/) p += $(i - 1); if ($i ~ /^(failed|timed|exec)/) f += $(i - 1) }
    } END { print p + 0, f + 0, 0 }'
}
flaky_unit() { sed -nE 's/^ *FLAKY [0-9]+\/[0-9]+ \[[^]]*\] (\([^)]*\) )?//p' | sort -u; }
count_postgres() { count_unit; }
flaky_postgres() { flaky_unit; }
count_postgres-all() { count_unit; }
flaky_postgres-all() { flaky_unit; }
count_attacks() { count_unit; }
flaky_attacks() { flaky_unit; }
count_doctests() { awk '/^test result: / { p += $4; f += $6; s += $8 } END { print p + 0, f + 0, s + 0 }'; }
count_client() { awk '/^[0-9]+ passed, [0-9]+ failed/ { p += $1; f += $3 } END { print p + 0, f + 0, 0 }'; }
count_openapi() { count_client; }
count_openapi-long() { count_client; }
count_artefacts() { count_client; }
count_dev() { count_e2e; }
count_fuzz() { count_client; }
count_soak() { count_client; }
count_testssl() { count_client; }
count_e2e() {
  sed 's/\x1b\[[0-9;]*[A-Za-z]//g' | awk '
    /^ +[0-9]+ (passed|flaky)( |$)/ { p += $1 }
    /^ +[0-9]+ (failed|interrupted)( |$)/ { f += $1 }
    /^ +[0-9]+ (skipped|did not run)( |$)/ { s += $1 }
    END { print p + 0, f + 0, s + 0 }'
}

flaky_e2e() { sed 's/\x1b\[[0-9;]*[A-Za-z]//g' | awk '/^ +[0-9]+ flaky$/ { on = 1; next } /^ +[0-9]+ [a-z]/ { on = 0 } on && NF' | sed 's/^ *//; s/ ─*$//'; }
flaky_dev() { flaky_e2e; }

is_function() { declare -F "$1" >/dev/null; }

suites=() setup=test
for wanted in "${@:-all}"; do
  case $wanted in
    all) suites+=("${all[@]}") ;;
    check) suites+=("${check[@]}") ;;
    attack) suites+=("${attack[@]}") setup=attack ;;
    *)
      if ! is_function "suite_$wanted"; then
        echo "Unknown suite: $wanted. Suites: check, ${all[*]}; postgres-all; attack, ${attack[*]}" >&2
        exit 2
      fi
      suites+=("$wanted")
      ;;
  esac
done

tools/setup.sh $setup
. tools/env.sh
logs=target/test-logs
mkdir -p "$logs"
for suite in "${suites[@]}"; do rm -f "$logs/$suite.log"; done

total_passed=0 total_failed=0 broken=0 built=yes table=() flaky=()
for suite in "${suites[@]}"; do
  printf '\n== %s ==\n' "$suite"
  log=$logs/$suite.log
  began=$SECONDS
  status=0 note=''
  if [ "$built" = no ] && [[ $suite =~ ^(artefacts|client|soak|testssl|openapi.*|e2e)$ ]]; then
    echo "Not run: the release build failed." | tee "$log"
    status=1
  else
    set +e
    "suite_$suite" 2>&1 </dev/null | tee "$log"
    status=${PIPESTATUS[0]}
    set -e
  fi
  took=$((SECONDS - began))
  if [ "$suite" = build ] && [ "$status" -ne 0 ]; then built=no; fi

  tests=''
  if is_function "count_$suite"; then
    read -r passed failed skipped < <("count_$suite" <"$log")
    # A suite that was aborted, or ran no test, counts as one failure.
    if [ $((passed + failed)) -eq 0 ]; then note='no test ran' status=1; fi
    if [ "$status" -ne 0 ] && [ "$failed" -eq 0 ]; then failed=1; fi
    if [ "$failed" -gt 0 ]; then status=1; fi
    if [ "$skipped" -gt 0 ]; then note="$skipped skipped"; fi
    tests="$passed passed, $failed failed"
    total_passed=$((total_passed + passed))
    total_failed=$((total_failed + failed))
  fi
  if is_function "flaky_$suite"; then
    while IFS= read -r name; do flaky+=("$name"); done < <("flaky_$suite" <"$log")
  fi
  if [ -f "$logs/$suite.note" ]; then note=$(cat "$logs/$suite.note"); fi
  verdict=ok
  if [ "$status" -ne 0 ]; then
    verdict=FAILED
    broken=$((broken + 1))
  fi
  row=$(printf "%-15s %-7s %3d:%02d  %s" "$suite" "$verdict" $((took / 60)) $((took % 60)) "$tests${note:+${tests:+; }$note}")
  table+=("${row%"${row##*[![:space:]]}"}")
done

printf '\n== summary ==\n'
printf '%s\n' "${table[@]}"
if [ ${#flaky[@]} -gt 0 ]; then
  printf '\nFlaky (passed only at the second attempt):\n'
  printf '  %s\n' "${flaky[@]}"
fi
if [ ${#flaky[@]} -gt $max_flaky ]; then
  echo "More than $max_flaky flaky tests count as a failure."
  total_failed=$((total_failed + 1)) broken=$((broken + 1))
fi
if [ $broken -gt 0 ]; then echo "Failed suites: $broken. Their output is in $logs/."; fi
printf 'Took %d:%02d in all.\n\n' $((SECONDS / 60)) $((SECONDS % 60))
echo "$total_passed passed, $total_failed failed"
if [ $broken -gt 0 ]; then exit 1; fi
