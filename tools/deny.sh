#!/usr/bin/env bash
# Looks at what the project depends on: banned crates, licences, sources, and known security advisories where their
# database can be fetched. Where it cannot, that is said in the summary, and nothing else changes.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"
cd "$project"

deny=(cargo deny --all-features --log-level warn)
checks=(bans licenses sources)
logs=target/test-logs
mkdir -p "$logs"
if GIT_TERMINAL_PROMPT=0 timeout 120 "${deny[@]}" fetch db >"$logs/deny-fetch.log" 2>&1; then
  checks+=(advisories)
else
  echo "The database of security advisories could not be fetched, so advisories are NOT checked." \
    "Why: $logs/deny-fetch.log"
  echo "security advisories not checked: their database could not be fetched" >"$logs/deny.note"
fi
"${deny[@]}" check --hide-inclusion-graph "${checks[@]}"
