#!/usr/bin/env bash
# The project's own rules that no lint knows. Prints each breach with its place and fails if there is one.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
breaches=0

# breach <rule> <lines that break it, if any>
breach() {
  if [ -z "$2" ]; then return 0; fi
  echo "$1:"
  printf '%s\n' "$2" | sed 's/^/  /'
  breaches=$((breaches + 1))
}

places=()
for place in src macros tests benches; do
  if [ -d "$place" ]; then places+=("$place"); fi
done
# find_in <pattern> <folder>...: the lines that match, comments left out; none is not an error.
find_in() {
  local pattern=$1
  shift
  grep -rnE --include='*.rs' "$pattern" "$@" | grep -vE '^[^:]+:[0-9]+:[[:space:]]*//' || true
}

breach "Feature gates stand in src/lib.rs and src/main.rs only" \
  "$(find_in 'cfg(_attr)?\(.*feature[[:space:]]*=|cfg!\(.*feature[[:space:]]*=' src macros | grep -vE '^src/(lib|main)\.rs:' || true)"
breach "A file of more than 400 lines wants splitting" \
  "$(find src macros -name '*.rs' -exec wc -l {} + | awk '$1 > 400 && $2 != "total" { print $2 ": " $1 }')"
breach "A test is run or removed, not ignored" "$(find_in '#\[ignore' "${places[@]}")"
if [ -d tests ]; then
  # A loop that asks again and again has to wait a moment in between: such a line says `// poll`.
  breach "A test waits for what it needs, not for a time" "$(find_in '\bsleep\(' tests | grep -v '// poll' || true)"
  # A deadline for hangs may. tests/attack is about time, and only `make attack` runs it.
  breach "No test asserts how long something takes at most" \
    "$(find_in 'assert.*elapsed\(\) *<' tests src macros | grep -vE '^tests/attack/|DEADLINE' || true)"
fi
# docs/testing.md names a test for each promise, as `file: name`. Both must be there.
missing=$(sed -nE '/^\|/s/^.*\| `([^`:]+): ([^`]+)` \|.*$/\1\t\2/p' docs/testing.md | while IFS=$'\t' read -r file name; do
  if ! grep -qF -e "fn $name(" -e "def $name(" -e "'$name'" -e "\`$name\`" "$file" 2>/dev/null; then echo "$file: $name"; fi
done)
breach "Each test that docs/testing.md names is there" "$missing"
# Crates that nobody builds every day; the first depends on this one.
for manifest in fuzz/Cargo.toml benches/peers/Cargo.toml; do
  if ! said=$(cargo metadata --locked --format-version 1 --manifest-path "$manifest" 2>&1 >/dev/null); then
    breach "The lock file beside $manifest is up to date" "$said"
  fi
done

breach "Imports go down the layers of docs/architecture.md, and in no circle" "$(tools/layout.py || true)"

if [ $breaches -gt 0 ]; then exit 1; fi
echo "The project's own rules hold."
