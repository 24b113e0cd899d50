"""Builds the deployable packages: the layer and one zip a function, for a processor and a Python version.

    python -m local.build --target DIR [--architecture host|arm64|x86_64] [--python host|3.13]

The layer holds cdp_core and its pinned dependencies under python/, compiled so that a cold start reads no source.
"""

import argparse
import compileall
import platform
import py_compile
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FUNCTIONS = ("track", "flush", "profiles_api")
_LAYER = ROOT / "layers" / "cdp_core"
_PLATFORMS = {"arm64": "manylinux2014_aarch64", "x86_64": "manylinux2014_x86_64"}
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the same sources give the same zip


def build(target: Path, *, architecture: str = "host", python: str = "host") -> list[Path]:
    """Builds layer.zip and one zip a function into `target`. Raises subprocess.CalledProcessError if pip fails."""
    target.mkdir(parents=True, exist_ok=True)
    staging = target / "layer"
    shutil.rmtree(staging, ignore_errors=True)
    site = staging / "python"
    _install(site, architecture, python)
    # Everything beside cdp_core comes along, as in `sam build`: a deployment's own handlers live there.
    shutil.copytree(
        _LAYER, site, ignore=shutil.ignore_patterns("__pycache__", "requirements.*", ".*"), dirs_exist_ok=True
    )
    if python == "host":  # bytecode is of one Python version: only the one that builds can compile for itself
        compileall.compile_dir(site, quiet=1, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
    zips = [_zip(staging, target / "layer.zip")]
    return zips + [_zip(ROOT / "functions" / name, target / f"{name}.zip") for name in FUNCTIONS]


def _install(site: Path, architecture: str, python: str) -> None:
    """The pinned dependencies; for another machine only wheels, as nothing can be compiled for it here."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-compile", "--target", str(site)]
    command += ["--require-hashes", "--requirement", str(_LAYER / "requirements.txt")]
    if (architecture, python) != ("host", "host"):
        name = platform.machine().replace("aarch64", "arm64") if architecture == "host" else architecture
        version = platform.python_version() if python == "host" else python
        command += ["--only-binary=:all:", "--platform", _PLATFORMS[name], "--python-version", version]
    subprocess.run(command, check=True)


def _zip(folder: Path, path: Path) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in _files(folder):
            info = zipfile.ZipInfo(str(file.relative_to(folder)), _EPOCH)
            info.external_attr = 0o644 << 16
            archive.writestr(info, file.read_bytes(), zipfile.ZIP_DEFLATED)
    return path


def _files(folder: Path) -> Iterator[Path]:
    """Every file but bytecode lying beside function sources on a developer's machine."""
    inside_layer = folder.name == "layer"
    yield from (f for f in sorted(folder.rglob("*")) if f.is_file() and (inside_layer or "__pycache__" not in f.parts))


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--target", type=Path, required=True)
    parser.add_argument("--architecture", choices=["host", *_PLATFORMS], default="host")
    parser.add_argument("--python", default="host", help="host, or a version such as 3.13")
    given = parser.parse_args()
    for path in build(given.target, architecture=given.architecture, python=given.python):
        print(f"{path.name}: {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
