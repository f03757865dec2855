#!/usr/bin/env bash
# Removes what was built and installed inside the project. Data (.data) and certificates (certs) stay,
# and so do the tools outside the project, which are slow to build again.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
rm -rf target .venv tools/node_modules end2end/node_modules end2end/test-results end2end/playwright-report \
  benches/peers/target benches/flask_login/.venv
