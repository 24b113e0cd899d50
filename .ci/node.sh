#!/usr/bin/env bash
# Installs the JavaScript SDKs that the tests drive, as their lock file pins them, where there is a Node to run them.
set -euo pipefail
cd "$(dirname "$0")/../tests/sdks"
if ! command -v npm >/dev/null; then
    echo "JavaScript SDKs left out: install node 20 or newer, with npm, for their tests"
    exit 0
fi
# npm's own copy of the lock file is the last thing that an install writes.
[ node_modules/.package-lock.json -nt package-lock.json ] && exit 0
# package.json overrides msgpackr-extract, which only a Redis queue that nobody here uses needs: of its newest version not
# every platform's build can be had everywhere, and then npm calls the lock file incomplete.
npm ci --ignore-scripts --no-audit --no-fund
