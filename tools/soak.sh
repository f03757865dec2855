#!/usr/bin/env bash
# Soak test: everyday use for half an hour (or SOAK_MINUTES) at half the load that a core can take, against the release
# build (or the program in SOAKED). Neither memory nor data may grow.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"
cd "$project"
. tools/server.sh
program=${SOAKED:-$program}
minutes=${1:-${SOAK_MINUTES:-30}}
# Short lifetimes and small limits, so that everything expires many times during the run.
export CALLGATE_SESSIONS_IDLE_SECONDS=20 CALLGATE_SESSIONS_ABSOLUTE_SECONDS=40 CALLGATE_SESSIONS_REMEMBER_SECONDS=40
export CALLGATE_SESSIONS_SWEEP_SECONDS=5 CALLGATE_SESSIONS_IN_MEMORY=500
export CALLGATE_THROTTLE_STORED_FAILURES=500 CALLGATE_THROTTLE_ADDRESS_SECONDS=20 CALLGATE_AUDIT_MOST_CALLS=2000
# All calls come from one address, so raise the rate limits.
export CALLGATE_THROTTLE_ADDRESS_FAILURES=1000000 CALLGATE_THROTTLE_ACCOUNT_FAILURES=1000000
export CALLGATE_THROTTLE_ACCOUNT_DAY_FAILURES=1000000 CALLGATE_LIMITS_KEPT_CALLS_PER_MINUTE=1000000
start_server --demo
"$python" tests/client/soak.py --base "$base" --ca "$ca" --pid "$server" --data "$data" --minutes "$minutes"
