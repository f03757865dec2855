#!/usr/bin/env bash
# Installs what is missing for `make run`, `make test`, `make attack`, `make bench` or `make sbom`; the argument says which. `oidc`
# is what `make run-oidc` needs besides.
# The output of each step goes to a log file in target/setup/.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/env.sh"
# shellcheck source=/dev/null
for part in "$here"/setup/*.sh; do . "$part"; done
cd "$project"

# A step <name> has three functions in tools/setup/: have_<name> succeeds if there is nothing to do, say_<name> prints a
# line that describes the step, do_<name> runs it.
steps=(basics rust wasm_bindgen cargo_leptos wasm_opt)
case ${1:-} in
  run) ;;
  oidc) steps=(oidc_provider) ;;
  test) steps+=(browser playwright oidc_provider python typescript cargo_nextest cargo_deny faketime postgres pgbouncer haproxy) ;;
  attack) steps+=(browser playwright oidc_provider python cargo_nextest cargo_deny faketime postgres pgbouncer haproxy scanners cargo_fuzz) ;;
  bench) steps=(basics rust wrk oha flask postgres) ;;
  sbom) steps=(basics rust node cargo_cyclonedx) ;;
  *) echo "usage: tools/setup.sh run|oidc|test|attack|bench|sbom" >&2; exit 2 ;;
esac
export SETUP_FOR=$1

missing_steps() {
  local step
  missing=()
  for step in "${steps[@]}"; do
    if ! "have_$step" >/dev/null 2>&1; then missing+=("$step"); fi
  done
}

missing_steps
if [ ${#missing[@]} -eq 0 ]; then exit 0; fi

# One set-up at a time on this machine, across all clones.
mkdir -p "$SETUP_TOOLS" target/setup
if command -v flock >/dev/null; then
  exec 9>"$SETUP_TOOLS/setup.lock"
  if ! flock --nonblock 9; then
    echo "Another set-up is running on this machine; waiting for it to end."
    flock 9
    . "$here/env.sh"
    missing_steps
  fi
fi

rm -f "$apt_is_updated"
number=0
for step in ${missing[@]+"${missing[@]}"}; do
  number=$((number + 1))
  log=target/setup/$step.log
  echo "[$number/${#missing[@]}] $("say_$step")"
  set +e
  # Without the lock (9>&-), because background processes that outlive a step, such as a compiler cache, would hold it.
  (set -e; "do_$step") >"$log" 2>&1 </dev/null 9>&-
  status=$?
  set -e
  hash -r
  . "$here/env.sh"
  if [ $status -eq 0 ] && ! "have_$step" >>"$log" 2>&1; then
    echo "The step succeeded, but what it installed does not work." >>"$log"
    status=1
  fi
  if [ $status -ne 0 ]; then
    { echo "Set-up failed at this step. The end of its log ($log):"; tail -n 30 "$log"; } >&2
    exit 1
  fi
done
rm -rf "$SETUP_TOOLS/build"
