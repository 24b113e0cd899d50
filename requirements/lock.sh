#!/usr/bin/env bash
# Pins everything anew, with hashes and without naming a registry. The layer gets the versions that the local stack runs.
set -euo pipefail
cd "$(dirname "$0")/.."
pin() {
    uv pip compile --quiet --upgrade --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --universal \
        --python-version 3.11 --custom-compile-command "make lock" "$@"
}
pin requirements/run.in -o requirements/run.txt
pin -c requirements/run.txt layers/cdp_core/requirements.in -o layers/cdp_core/requirements.txt
pin -c requirements/run.txt requirements/dev.in -o requirements/dev.txt
pin requirements/sam.in -o requirements/sam.txt
