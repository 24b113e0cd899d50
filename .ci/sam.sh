#!/usr/bin/env bash
# The template as AWS's own tools see it: cfn-lint, sam validate, and a package for arm64 built without Docker.
set -euo pipefail
cd "$(dirname "$0")/.."
.venv/bin/cfn-lint template.yaml
bash .ci/sam_cli.sh
sam=.build/sam/bin/sam
export SAM_CLI_TELEMETRY=0 AWS_DEFAULT_REGION=eu-central-1 AWS_ACCESS_KEY_ID=none AWS_SECRET_ACCESS_KEY=none
"$sam" validate --lint
# A shim of a version manager may be on the path and not work: ask each candidate where it really is.
python313=""
for candidate in python3.13 "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.13*/bin/python3.13; do
    python313=$("$candidate" -c 'import sys; print(sys.executable)' 2>/dev/null) && break || python313=""
done
if [ -z "$python313" ]; then
    echo "sam build left out: it needs Python 3.13 on this machine"
    exit 0
fi
PATH="$(dirname "$python313"):$PATH" "$sam" build --build-dir .aws-sam/build
python3 - <<'PY'
"""The built layer holds our code, and every compiled library in it is for arm64."""
import pathlib, sys

layer = pathlib.Path(".aws-sam/build/CoreLayer/python")
assert (layer / "cdp_core" / "errors.py").exists(), "cdp_core is not in the layer"
libraries = list(layer.rglob("*.so"))
wrong = [str(one) for one in libraries if "aarch64" not in one.name and b"\xb7\x00" != one.read_bytes()[18:20]]
assert libraries and not wrong, f"not for arm64: {wrong}"
tags = [line for wheel in layer.glob("*.dist-info/WHEEL") for line in wheel.read_text().splitlines() if line.startswith("Tag:")]
foreign = [tag for tag in tags if not tag.endswith(("-any", "aarch64"))]
assert tags and not foreign, f"wheels for another machine: {foreign}"
print(f"the layer is for arm64: {len(libraries)} compiled libraries checked")
PY
