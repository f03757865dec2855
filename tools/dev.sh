#!/usr/bin/env bash
# Rebuilds at each change and reloads the page. Its data and pages lie apart from those of `make run`.
# Arguments are those of the program, in place of the usual ones.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"
cd "$project"
tools/setup.sh run
# Once more: what set-up has only now installed is found from here on.
. tools/env.sh
if [ $# -eq 0 ]; then set -- serve --demo --data .data/dev; fi
export LEPTOS_SITE_ROOT=target/dev-site
# Split as a release is: without it a page with a lazy island loads a file that is not there.
exec cargo leptos watch --split -- "$@"
