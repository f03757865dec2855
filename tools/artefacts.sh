#!/usr/bin/env bash
# Searches a release build for what must not be in it: parts of the server in the files that browsers load, and secrets
# or data of the build machine in either part.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"
cd "$project"

program=${1:-target/release/callgate}
site=${2:-target/site}
browser=()
while IFS= read -r file; do browser+=("$file"); done < <(find "$site" -type f ! -name '*.br' ! -name '*.gz')
passed=0 failed=0

# absent <description> <pattern> <file>...: passes if no file matches, text or binary. An error of grep is a failure.
absent() {
  local description=$1 pattern=$2 found status=0
  shift 2
  found=$(grep -aoE -- ".{0,60}($pattern).{0,60}" "$@" | tr -c '[:print:]\n' '.' | sed -n 1,5p; exit "${PIPESTATUS[0]}") ||
    status=$?
  if [ $status -eq 1 ]; then
    passed=$((passed + 1))
    return 0
  fi
  failed=$((failed + 1))
  if [ $status -gt 1 ]; then echo "cannot search for $description: grep exited with $status"; fi
  if [ -n "$found" ]; then printf 'found %s:\n%s\n' "$description" "$found"; fi
}

# quoted <text>: a pattern that matches the text.
quoted() { printf '%s' "$1" | sed 's/[][\\.*^$+?(){}|]/\\&/g'; }

if [ ! -x "$program" ] || ! ls "$site"/pkg/*.wasm >/dev/null; then
  echo "There is no release build. Run make build first." >&2
  exit 1
fi
# Make sure that the search works: the server contains these.
for sign in 'INSERT INTO' argon2 password_hash CALLGATE_; do
  if grep -aqF -- "$sign" "$program"; then
    passed=$((passed + 1))
  else
    echo "The program does not contain $sign, so this search cannot be trusted."
    failed=$((failed + 1))
  fi
done

absent "SQL in the browser part" 'SELECT .{1,80} FROM|INSERT INTO|DELETE FROM|CREATE (TABLE|INDEX|UNIQUE)|PRAGMA |ON CONFLICT' \
  "${browser[@]}"
# Names of tables and columns that only the server uses.
names=$(sed -n 's/^ *\([a-z]*_[a-z_]*\) .*\(TEXT\|BLOB\|BIGINT\|BOOLEAN\).*/\1/p; s/^CREATE TABLE \([a-z]*_[a-z_]*\).*/\1/p' \
  migrations/*/*.sql | sort -u | grep -vxE 'user_id|logged_in_at|last_used_at' | paste -sd '|')
absent "names of tables and columns in the browser part" "\\b($names)\\b" "${browser[@]}"
absent "the server's parts in the browser part" 'sqlite|sqlx|argon2|rustls|tower_sessions|callgate\.db|_sqlx_migrations' \
  "${browser[@]}"
absent "the server's settings in the browser part" 'CALLGATE_[A-Z]' "${browser[@]}"

absent "a private key" '-----BEGIN [A-Z ]*PRIVATE KEY-----[^A-Za-z]{0,4}[A-Za-z0-9+/]{40}' "$program" "${browser[@]}"
absent "a password hash" '\$argon2id\$v=19\$m=[0-9]+,t=[0-9]+,p=[0-9]+\$[A-Za-z0-9+/]{16}' "$program" "${browser[@]}"
absent "this project's folder" "$(quoted "$project")" "$program" "${browser[@]}"
absent "the builder's home folder" "$(quoted "$HOME")/" "$program" "${browser[@]}"
absent "cargo's folder" "$(quoted "${CARGO_HOME:-$HOME/.cargo}")|/\\.cargo/registry" "$program" "${browser[@]}"
# in_sources <text>: whether our sources or those of a crate contain the text, as with "localhost" and "callgate".
in_sources() {
  grep -rqF -- "$1" Cargo.toml Cargo.lock macros locales src style public migrations "${CARGO_HOME:-$HOME/.cargo}/registry/src"
}
# Values of this machine, unless they are too short to be distinctive, or a build has them from its sources.
for variable in USER HOSTNAME; do
  value=${!variable:-}
  if [ ${#value} -ge 8 ] && ! in_sources "$value"; then
    absent "the builder's $variable" "$(quoted "$value")" "$program" "${browser[@]}"
  fi
done

printf '%d passed, %d failed\n' "$passed" "$failed"
if [ $failed -gt 0 ]; then exit 1; fi
