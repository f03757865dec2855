#!/usr/bin/env bash
# Sets this machine up: `setup.sh run` for what `make run` needs, `setup.sh test` for what `make test` needs as well, and
# `setup.sh attack` for what `make attack` needs on top of that; `setup.sh bench` and `setup.sh sbom` for what those need.
# What is there already is left alone and not mentioned. Noisy output goes to log files under target/setup/.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/env.sh"
# shellcheck source=/dev/null
for part in "$here"/setup/*.sh; do . "$part"; done
cd "$project"

# A step <name> has three functions in tools/setup/: have_<name> looks whether there is anything to do,
# say_<name> says in a line what will be done, do_<name> does it.
steps=(basics rust wasm_bindgen cargo_leptos wasm_opt)
case ${1:-} in
  run) ;;
  test) steps+=(browser playwright python typescript cargo_nextest cargo_deny faketime) ;;
  attack) steps+=(browser playwright python cargo_nextest cargo_deny faketime scanners cargo_fuzz) ;;
  bench) steps=(basics rust wrk oha flask) ;;
  sbom) steps=(basics rust node cargo_cyclonedx) ;;
  *) echo "usage: tools/setup.sh run|test|attack|bench|sbom" >&2; exit 2 ;;
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

# One set-up at a time on this machine, whichever clone it was started from.
mkdir -p "$SETUP_TOOLS" target/setup
if command -v flock >/dev/null; then
  exec 9>"$SETUP_TOOLS/setup.lock"
  if ! flock --nonblock 9; then
    echo "Another set-up is at work on this machine; waiting for it to end."
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
  # Without the lock: what goes on in the background after a step (a compiler cache, say) would keep it.
  (set -e; "do_$step") >"$log" 2>&1 </dev/null 9>&-
  status=$?
  set -e
  hash -r
  . "$here/env.sh"
  if [ $status -eq 0 ] && ! "have_$step" >>"$log" 2>&1; then
    echo "The step ended well, but what it should have set up is not usable." >>"$log"
    status=1
  fi
  if [ $status -ne 0 ]; then
    { echo "Set-up stopped here. The end of its log ($log):"; tail -n 30 "$log"; } >&2
    exit 1
  fi
done
rm -rf "$SETUP_TOOLS/build"
