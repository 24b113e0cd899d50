"""The packages of the functions and the layer, built only when their sources changed."""

import fcntl
import hashlib
import platform
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from local.settings import ROOT

_SOURCES = ("layers", "functions", "local/build.py")
_PACKAGES = {"cdp_core": "layer", "track": "track", "flush": "flush", "profiles_api": "profiles_api"}


def build(target: Path, *, python: str = "host") -> dict[str, Path]:
    """The packages by the name of their source folder. `python` is a version such as 3.13, or the one of this process.

    Raises subprocess.CalledProcessError, with the build's own words on the terminal.
    """
    packages = {folder: target / f"{name}.zip" for folder, name in _PACKAGES.items()}
    target.mkdir(parents=True, exist_ok=True)
    with (target / "lock").open("w") as lock:  # two runs of one clone may start at the same time
        fcntl.flock(lock, fcntl.LOCK_EX)
        _build_if_changed(target, python, packages.values())
    return packages


def _build_if_changed(target: Path, python: str, packages: Iterable[Path]) -> None:
    stamp = target / "sources.sha256"
    digest = _digest(python)
    if stamp.exists() and stamp.read_text() == digest and all(one.exists() for one in packages):
        return
    print("building the packages ...", flush=True)
    command = ["-m", "local.build", "--target", str(target), "--architecture", "host", "--python", python]
    subprocess.run([sys.executable, *command], cwd=ROOT, check=True)
    stamp.write_text(digest)


def file_digest(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _digest(python: str) -> str:
    """Names all that decides what is in the packages."""
    digest = hashlib.sha256(f"{python} {platform.python_version()} {platform.machine()} {sys.platform}".encode())
    for path in _files(ROOT / source for source in _SOURCES):
        digest.update(f"{path.relative_to(ROOT)} {file_digest(path)}\n".encode())
    return digest.hexdigest()


def _files(sources: Iterable[Path]) -> Iterator[Path]:
    for source in sources:
        files = sorted(source.rglob("*")) if source.is_dir() else [source]
        yield from (file for file in files if file.is_file() and "__pycache__" not in file.parts)
