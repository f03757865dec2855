#!/usr/bin/env bash
# Serves Callgate; at each change, rebuilds it and reloads the page. Data and site are separate from those of `make run`.
# Arguments replace the program's default arguments.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"
cd "$project"
tools/setup.sh run
# Again, to find tools that set-up has just installed.
. tools/env.sh
if [ $# -eq 0 ]; then set -- serve --demo --data .data/dev; fi
export LEPTOS_SITE_ROOT=target/dev-site
# Split as in a release. Otherwise a page with a lazy island loads a file that does not exist.
exec cargo leptos watch --split -- "$@"
