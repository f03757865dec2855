#!/usr/bin/env bash
# Runs the test suites in order and ends with a table and the totals. A failed suite does not stop the ones after it.
# `test.sh` runs all of them, `test.sh check` those that only look at the source, `test.sh unit e2e` the ones named;
# `test.sh attack` runs attacks at their full length, which `make test` makes in a short form or not at all.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"
cd "$project"

check=(format clippy-server clippy-browser docs deny gates)
all=("${check[@]}" unit build artefacts client flood openapi sslscan e2e dev)
# Bounded, and against servers of their own on loopback only.
attack=(attacks slow testssl fuzz soak)

suite_format() {
  cargo fmt --check && cargo fmt --check --manifest-path fuzz/Cargo.toml &&
    cargo fmt --check --manifest-path benches/peers/Cargo.toml
}
suite_clippy-server() { cargo clippy --all-targets --features ssr -- -D warnings; }
suite_clippy-browser() {
  cargo clippy --lib --target wasm32-unknown-unknown --no-default-features --features hydrate \
    --target-dir target/front -- -D warnings
}
# There are no examples: naming them has the dependencies built with the features that `suite_clippy-server` had them built
# with, so that they need not be built again.
suite_docs() { RUSTDOCFLAGS="-D warnings" cargo doc --lib --examples --no-deps --document-private-items --features ssr; }
suite_deny() { tools/deny.sh; }
suite_gates() { tools/gates.sh; }
suite_unit() { cargo test --no-fail-fast --features ssr; }
# The last ten minutes of a release are for one core. The other one builds what `suite_dev` tests; that suite builds it again,
# at once where all is well, and says what is wrong where it is not.
suite_build() {
  local dev='' status=0
  if [[ " ${suites[*]} " == *" dev "* ]]; then
    build_dev >"$logs/dev-build.log" 2>&1 &
    dev=$!
  fi
  tools/build.sh || status=$?
  if [ -n "$dev" ]; then wait "$dev" || true; fi
  return $status
}
# As `cargo leptos watch` builds it, which compiles more than this if the variable is not there.
build_dev() { LEPTOS_WATCH=true LEPTOS_SITE_ROOT=target/dev-site nice -n 10 cargo leptos build --split; }
suite_artefacts() { tools/artefacts.sh; }
suite_client() { tools/client.sh; }
suite_flood() { tools/flood.sh; }
suite_openapi() { tools/openapi.sh; }
suite_sslscan() { tools/sslscan.sh; }
suite_e2e() { tools/e2e.sh; }
# Built first, because the tests do not wait for a compiler. The port that tells of new builds is one that hardly anybody
# else has: not that of a `make dev` at work, and not one that the system gives away meanwhile.
suite_dev() {
  build_dev &&
    LEPTOS_RELOAD_PORT=$((10000 + RANDOM % 10000)) END2END_PROGRAM=tools/dev.sh \
      tools/e2e.sh --workers=1 --project=hydrated-desktop login.hydrated call.hydrated
}
suite_fuzz() { tools/fuzz.sh; }
suite_slow() { tools/slow.sh; }
# Half an hour, or SOAK_MINUTES.
suite_soak() { tools/soak.sh; }
suite_testssl() { tools/testssl.sh; }
# Besides the attacks, the suites with tests that have a full length (`effort::rounds`).
suite_attacks() { ATTACK=full cargo test --no-fail-fast --features ssr --test black_box -- attack hostile_names:: takeover:: throttle::; }

# count_<suite> reads a test suite's output and prints "<passed> <failed> <skipped>". Suites without one count nothing.
count_unit() { awk '/^test result: / { p += $4; f += $6; s += $8 } END { print p + 0, f + 0, s + 0 }'; }
count_attacks() { count_unit; }
count_client() { awk '/^[0-9]+ passed, [0-9]+ failed/ { p = $1; f = $3 } END { print p + 0, f + 0, 0 }'; }
count_flood() { count_client; }
count_openapi() { count_client; }
count_sslscan() { count_client; }
count_artefacts() { count_client; }
count_dev() { count_e2e; }
count_fuzz() { count_client; }
count_slow() { count_client; }
count_soak() { count_client; }
count_testssl() { count_client; }
count_e2e() {
  sed 's/\x1b\[[0-9;]*[A-Za-z]//g' | awk '
    /^ +[0-9]+ (passed|flaky)( |$)/ { p += $1 }
    /^ +[0-9]+ (failed|interrupted)( |$)/ { f += $1 }
    /^ +[0-9]+ (skipped|did not run)( |$)/ { s += $1 }
    END { print p + 0, f + 0, s + 0 }'
}

is_function() { declare -F "$1" >/dev/null; }

suites=() setup=test
for wanted in "${@:-all}"; do
  case $wanted in
    all) suites+=("${all[@]}") ;;
    check) suites+=("${check[@]}") ;;
    attack) suites+=("${attack[@]}") setup=attack ;;
    *)
      if ! is_function "suite_$wanted"; then
        echo "No such suite: $wanted. There are: check, ${all[*]}; attack, ${attack[*]}" >&2
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

total_passed=0 total_failed=0 broken=0 built=yes table=()
for suite in "${suites[@]}"; do
  printf '\n== %s ==\n' "$suite"
  log=$logs/$suite.log
  began=$SECONDS
  status=0 note=''
  if [ "$built" = no ] && [[ $suite =~ ^(artefacts|client|flood|slow|soak|sslscan|testssl|openapi|e2e)$ ]]; then
    echo "Not run: there is no release build to run it against." | tee "$log"
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
    # A suite that broke off, or that ran nothing, counts as one failure.
    if [ $((passed + failed)) -eq 0 ]; then note='ran no test' status=1; fi
    if [ "$status" -ne 0 ] && [ "$failed" -eq 0 ]; then failed=1; fi
    if [ "$failed" -gt 0 ]; then status=1; fi
    if [ "$skipped" -gt 0 ]; then note="$skipped skipped"; fi
    tests="$passed passed, $failed failed"
    total_passed=$((total_passed + passed))
    total_failed=$((total_failed + failed))
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
if [ $broken -gt 0 ]; then echo "Failed: $broken of ${#suites[@]}. The output of each is in $logs/."; fi
printf 'Took %d:%02d in all.\n\n' $((SECONDS / 60)) $((SECONDS % 60))
echo "$total_passed passed, $total_failed failed"
if [ $broken -gt 0 ]; then exit 1; fi
