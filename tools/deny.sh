#!/usr/bin/env bash
# Checks the dependencies: banned crates, licences, sources, and security advisories of crates and npm packages. If an
# advisory database cannot be reached, the summary says so and the check passes.
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
  echo "Cannot fetch the database of security advisories, so advisories are NOT checked. See $logs/deny-fetch.log."
  notes+=("security advisories not checked: cannot fetch their database")
fi
"${deny[@]}" check --hide-inclusion-graph "${checks[@]}"

# npm packages only build and test Callgate. None of them is in a release.
unreachable=()
for folder in tools tools/oidc-provider end2end; do
  report=$logs/npm-audit-${folder//\//-}.json
  status=0
  (cd "$folder" && timeout 60 npm audit --package-lock-only --json --loglevel=error) >"$report" 2>"$report.log" || status=$?
  if ! grep -q '"auditReportVersion"' "$report"; then
    unreachable+=("$folder")
  elif [ $status -ne 0 ]; then
    echo "npm reports security advisories for packages in $folder/package-lock.json: see $report" >&2
    exit 1
  fi
done
if [ ${#unreachable[@]} -gt 0 ]; then
  echo "npm's registry did not answer (${unreachable[*]}), so its advisories are NOT checked."
  notes+=("npm advisories not checked: the registry did not answer")
fi

# Each exception in deny.toml has a review date. A date that has passed is only reported.
due=$(sed -nE 's/.*Look again: ([0-9-]{10}).*/\1/p' deny.toml | awk -v today="$(date +%F)" '$1 <= today' | sort | head -n 1)
if [ -n "$due" ]; then notes+=("an exception in deny.toml is due for review since $due"); fi
if [ ${#notes[@]} -gt 0 ]; then (IFS=';' && echo "${notes[*]}" | sed 's/;/; /g') >"$logs/deny.note"; fi
