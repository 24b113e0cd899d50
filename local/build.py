"""Builds the deployable packages: the layer and one a function, for a processor and a Python version.

    python -m local.build --target DIR [--architecture host|arm64|x86_64] [--python host|3.13]
    python -m local.build --target DIR --package layer --architecture arm64 --python 3.13

The first makes a zip of each, for `make run`; the second one package as a folder, for `sam build`. The layer holds
cdp_core and its pinned dependencies under python/. Everything is compiled, so that a cold start reads no source.
"""

import argparse
import platform
import py_compile
import shutil
import subprocess
import sys
import warnings
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FUNCTIONS = ("track", "flush", "profiles_api")
_LAYER = ROOT / "layers" / "cdp_core"
_PLATFORMS = {"arm64": "manylinux2014_aarch64", "x86_64": "manylinux2014_x86_64"}
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the same sources give the same zip
_LEFT_OUT = shutil.ignore_patterns("__pycache__", "requirements.*", ".*")


class ForeignPython(Exception):
    """Bytecode is of one Python version, and only that Python can compile it."""


def build(target: Path, *, architecture: str = "host", python: str = "host") -> list[Path]:
    """Builds layer.zip and one zip a function into `target`. Raises what `unpacked` raises, but for ForeignPython.

    For a Python that is not this one the packages hold no bytecode.
    """
    zips = []
    for name in ("layer", *FUNCTIONS):
        folder = target / name
        shutil.rmtree(folder, ignore_errors=True)
        unpacked(name, folder, architecture=architecture, python=python, compiled=_is_this(python))
        zips.append(_zip(folder, target / f"{name}.zip"))
    return zips


def unpacked(name: str, folder: Path, *, architecture: str, python: str, compiled: bool = True) -> None:
    """Builds one package into `folder`, as Lambda unpacks it: the layer into /opt, a function into /var/task.

    Raises ForeignPython if this Python cannot compile for `python`, subprocess.CalledProcessError if pip fails, and
    py_compile.PyCompileError.
    """
    if compiled and not _is_this(python):
        raise ForeignPython(f"bytecode for Python {python} needs Python {python}; this is {sys.version.split()[0]}")
    if name == "layer":
        _install(folder / "python", architecture, python)
    # Everything beside cdp_core comes along: a deployment's own handlers live there.
    source, place = (_LAYER, folder / "python") if name == "layer" else (ROOT / "functions" / name, folder)
    shutil.copytree(source, place, ignore=_LEFT_OUT, dirs_exist_ok=True)
    if compiled:
        _compile(folder, Path("/opt" if name == "layer" else "/var/task"))


def _is_this(python: str) -> bool:
    """Whether bytecode that this interpreter makes is valid for that version."""
    return python == "host" or sys.implementation.cache_tag == f"cpython-{python.replace('.', '')}"


def _install(site: Path, architecture: str, python: str) -> None:
    """The pinned dependencies; for another machine only wheels, as nothing can be compiled for it here."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-compile", "--target", str(site)]
    command += ["--require-hashes", "--requirement", str(_LAYER / "requirements.txt")]
    if (architecture, python) != ("host", "host"):
        name = platform.machine().replace("aarch64", "arm64") if architecture == "host" else architecture
        version = platform.python_version() if python == "host" else python
        command += ["--only-binary=:all:", "--platform", _PLATFORMS[name], "--python-version", version]
    subprocess.run(command, check=True)
    # Commands name this machine's Python in their first line, and RECORD holds the commands' hashes: Lambda uses neither.
    shutil.rmtree(site / "bin", ignore_errors=True)
    for record in site.glob("*.dist-info/RECORD"):
        record.unlink()


def _compile(folder: Path, seen: Path) -> None:
    """Bytecode beside every source, with the paths that Lambda sees; valid whatever the files' times are."""
    for source in sorted(folder.rglob("*.py")):
        with warnings.catch_warnings(action="ignore"):  # of dependencies' sources
            py_compile.compile(
                str(source),
                str(source.parent / "__pycache__" / f"{source.stem}.{sys.implementation.cache_tag}.pyc"),
                str(seen / source.relative_to(folder)),
                doraise=True,
                optimize=0,
                invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
            )


def _zip(folder: Path, path: Path) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in (one for one in sorted(folder.rglob("*")) if one.is_file()):
            info = zipfile.ZipInfo(str(file.relative_to(folder)), _EPOCH)
            info.external_attr = 0o644 << 16
            archive.writestr(info, file.read_bytes(), zipfile.ZIP_DEFLATED)
    return path


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--target", type=Path, required=True)
    parser.add_argument("--package", choices=["layer", *FUNCTIONS], help="this one only, as a folder")
    parser.add_argument("--architecture", choices=["host", *_PLATFORMS], default="host")
    parser.add_argument("--python", default="host", help="host, or a version such as 3.13")
    given = parser.parse_args()
    if given.package:
        try:
            unpacked(given.package, given.target, architecture=given.architecture, python=given.python)
        except ForeignPython as wrong:
            sys.exit(str(wrong))
        return
    for path in build(given.target, architecture=given.architecture, python=given.python):
        print(f"{path.name}: {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
