#!/usr/bin/env bash
# Looks at what the project depends on: banned crates, licences, sources, and known security advisories of crates and npm
# packages where their databases can be asked. Where they cannot, that is said in the summary, and nothing else changes.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"
cd "$project"

deny=(cargo deny --all-features --log-level warn)
checks=(bans licenses sources)
logs=target/test-logs
mkdir -p "$logs"
rm -f "$logs/deny.note"
notes=()
if GIT_TERMINAL_PROMPT=0 timeout 120 "${deny[@]}" fetch db >"$logs/deny-fetch.log" 2>&1; then
  checks+=(advisories)
else
  echo "The database of security advisories could not be fetched, so advisories are NOT checked." \
    "Why: $logs/deny-fetch.log"
  notes+=("security advisories not checked: their database could not be fetched")
fi
"${deny[@]}" check --hide-inclusion-graph "${checks[@]}"

# npm's packages build and test Callgate; none of them is in a release.
unasked=()
for folder in tools end2end; do
  report=$logs/npm-audit-$folder.json
  status=0
  (cd "$folder" && timeout 60 npm audit --package-lock-only --json --loglevel=error) >"$report" 2>"$report.log" || status=$?
  if ! grep -q '"auditReportVersion"' "$report"; then
    unasked+=("$folder")
  elif [ $status -ne 0 ]; then
    echo "npm knows of security advisories for packages in $folder/package-lock.json: see $report" >&2
    exit 1
  fi
done
if [ ${#unasked[@]} -gt 0 ]; then
  echo "npm's registry answered no question about advisories (${unasked[*]}), so they are NOT checked."
  notes+=("npm's advisories not checked: the registry did not answer")
fi

# An exception has a date to look at it again. When it has come nothing breaks: it is said. Without exceptions there is none.
due=$(sed -nE 's/.*Look again: ([0-9-]{10}).*/\1/p' deny.toml | awk -v today="$(date +%F)" '$1 <= today' | sort | head -n 1)
if [ -n "$due" ]; then notes+=("deny.toml has an exception to look at again since $due"); fi
if [ ${#notes[@]} -gt 0 ]; then (IFS=';' && echo "${notes[*]}" | sed 's/;/; /g') >"$logs/deny.note"; fi
