#!/usr/bin/env bash
# Rebuilds at each change and reloads the page. Its data and pages lie apart from those of `make run`.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"
cd "$project"
tools/setup.sh run
# Once more: what set-up has only now installed is found from here on.
. tools/env.sh
export LEPTOS_SITE_ROOT=target/dev-site
exec cargo leptos watch -- serve --demo --data .data/dev "$@"
