#!/usr/bin/env bash
# The template as AWS's own tools see it: cfn-lint, sam validate, packages for arm64 built without Docker, and their bytecode.
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
export PATH="$(dirname "$python313"):$PATH"
"$sam" build --build-dir .aws-sam/build
"$python313" - <<'PY'
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

built() { echo ".aws-sam/$1/TrackFunction" ".aws-sam/$1/FlushFunction" ".aws-sam/$1/ProfilesApiFunction"; }
"$python313" -I .ci/bytecode.py valid $(built build) .aws-sam/build/CoreLayer

# Libraries for another machine cannot be loaded: the functions start from a build for this one, beside what Lambda brings.
if [ "$(uname -s)" != Linux ]; then
    echo "starting the functions left out: the packages are for Linux"
    exit 0
fi
"$sam" build --build-dir .aws-sam/host --parameter-overrides "Architecture=$(uname -m | sed s/aarch64/arm64/)"
rm -rf .aws-sam/runtime
mkdir .aws-sam/runtime
for one in boto3 botocore s3transfer dateutil urllib3 six.py; do
    ln -s "$PWD"/.venv/lib/python3*/site-packages/"$one" .aws-sam/runtime/
done
for function in $(built host); do
    PYTHONPATH=.aws-sam/runtime "$python313" .ci/bytecode.py start "$function" .aws-sam/host/CoreLayer/python
done
