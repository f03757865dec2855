#!/usr/bin/env bash
# Checks project rules that no lint covers. Prints each violation with its location and fails if there is any.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
violations=0

# check <rule> <lines that violate it, if any>
check() {
  if [ -z "$2" ]; then return 0; fi
  echo "$1:"
  printf '%s\n' "$2" | sed 's/^/  /'
  violations=$((violations + 1))
}

folders=()
for folder in src macros tests benches; do
  if [ -d "$folder" ]; then folders+=("$folder"); fi
done
# find_in <pattern> <folder>...: the matching lines, without comments. No match is not an error.
find_in() {
  local pattern=$1
  shift
  grep -rnE --include='*.rs' "$pattern" "$@" | grep -vE '^[^:]+:[0-9]+:[[:space:]]*//' || true
}

check "Feature gates are allowed in src/lib.rs and src/main.rs only" \
  "$(find_in 'cfg(_attr)?\(.*feature[[:space:]]*=|cfg!\(.*feature[[:space:]]*=' src macros | grep -vE '^src/(lib|main)\.rs:' || true)"
check "Files may have at most 400 lines; split these" \
  "$(find src macros -name '*.rs' -exec wc -l {} + | awk '$1 > 400 && $2 != "total" { print $2 ": " $1 }')"
check "Tests must not be ignored; run or remove these" "$(find_in '#\[ignore' "${folders[@]}")"
if [ -d tests ]; then
  # A polling loop may sleep between two attempts. Mark such a line with `// poll`.
  check "Tests must wait for a condition, not for a fixed time" "$(find_in '\bsleep\(' tests | grep -v '// poll' || true)"
  # A DEADLINE against hangs is allowed. tests/attack is about time, and only `make attack` runs it.
  check "Tests must not assert a maximum duration" \
    "$(find_in 'assert.*elapsed\(\) *<' tests src macros | grep -vE '^tests/attack/|DEADLINE' || true)"
fi
# docs/testing.md names a test for each promise, as `file: name`. File and test must exist.
missing=$(sed -nE '/^\|/s/^.*\| `([^`:]+): ([^`]+)` \|.*$/\1\t\2/p' docs/testing.md | while IFS=$'\t' read -r file name; do
  if ! grep -qF -e "fn $name(" -e "def $name(" -e "'$name'" -e "\`$name\`" "$file" 2>/dev/null; then echo "$file: $name"; fi
done)
check "Tests named in docs/testing.md must exist" "$missing"
# Crates that are rarely built. The first one depends on this crate.
for manifest in fuzz/Cargo.toml benches/peers/Cargo.toml; do
  if ! output=$(cargo metadata --locked --format-version 1 --manifest-path "$manifest" 2>&1 >/dev/null); then
    check "The lock file beside $manifest must be up to date" "$output"
  fi
done

check "Imports must follow the order in docs/architecture.md, without cycles" "$(tools/layout.py || true)"

# Private metaphors that once stood for the field's terms (docs/architecture.md, "Vocabulary").
metaphors='doors?|houses?|patience|told|noted|under[ _]way|farewell|parted|keep_going|let_in|turned away|made[ _]up|of late|for want of|whoever|kept calls?'
check "Words must be the field's own; replace these metaphors" "$(grep -rniwE "$metaphors" --include='*.rs' --include='*.ts' \
  --include='*.mjs' --include='*.py' --include='*.md' --exclude-dir=node_modules --exclude-dir=target --exclude-dir=api \
  --exclude-dir=.venv \
  src macros tests end2end benches docs README.md SECURITY.md CONTRIBUTING.md CHANGELOG.md || true)"

if [ $violations -gt 0 ]; then exit 1; fi
echo "No violation of the project's rules."
