#!/usr/bin/env bash
# Removes everything that was built or installed inside the project. Keeps data (.data), certificates (certs), and the
# tools outside the project, which take long to build.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
rm -rf target .venv tools/node_modules tools/oidc-provider/node_modules end2end/node_modules end2end/test-results \
  end2end/playwright-report benches/peers/target benches/flask_login/.venv
