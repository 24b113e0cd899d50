#!/usr/bin/env bash
# Puts the AWS SAM CLI into .build/sam, an environment of its own because its pins clash with ours. It brings the runtime emulator.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ ! -e .build/sam/stamp ] || [ requirements/sam.txt -nt .build/sam/stamp ]; then
    rm -rf .build/sam
    "${PYTHON:-python3}" -m venv .build/sam
    .venv/bin/uv pip install --quiet --python .build/sam/bin/python --require-hashes -r requirements/sam.txt
    touch .build/sam/stamp
fi
