#!/usr/bin/env bash
# Runs the Playwright tests in the system's browser, against the release build. Playwright starts the server itself.
# Arguments go to Playwright: `tools/e2e.sh login.spec.ts`.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"
. "$project/tools/setup/test.sh"
if [ ! -f "$project/end2end/package.json" ]; then
  echo "There are no browser tests: end2end/package.json is missing." >&2
  exit 1
fi
CHROMIUM=$(find_browser)
export CHROMIUM
cd "$project/end2end"
exec node_modules/.bin/playwright test "$@"
