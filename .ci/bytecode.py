"""Proves the bytecode of built packages. Run it with the Python that they are for.

python -I .ci/bytecode.py valid FOLDER...       every module has bytecode, of its source, that no time makes stale
python .ci/bytecode.py start FUNCTION PATH...   app.py starts, and no source under the function or the paths is read
"""

import importlib
import importlib.util
import struct
import sys
from importlib.machinery import SourceFileLoader
from pathlib import Path

UNCHECKED_HASH = 0b01  # PEP 552: named by a hash of the source, which the import does not compare


def flaw(source: Path) -> str:
    """What is wrong with a module's bytecode; empty if nothing is."""
    compiled = source.parent / "__pycache__" / f"{source.stem}.{sys.implementation.cache_tag}.pyc"
    if not compiled.exists():
        return "no bytecode"
    magic, flags, digest = struct.unpack("<4sI8s", compiled.read_bytes()[:16])
    if magic != importlib.util.MAGIC_NUMBER:
        return "bytecode of another Python"
    if flags != UNCHECKED_HASH:
        return f"flags {flags:#b}"
    return "" if digest == importlib.util.source_hash(source.read_bytes()) else "bytecode of another source"


def strays(folder: Path) -> set[Path]:
    """Bytecode that belongs to no source, or to another Python."""
    tag = f".{sys.implementation.cache_tag}.pyc"
    expected = {one.parent / "__pycache__" / f"{one.stem}{tag}" for one in folder.rglob("*.py")}
    return set(folder.rglob("*.pyc")) - expected


def valid(*folders: str) -> str:
    """Looks at every module; says how many. Exits if one has a flaw, or if there are none."""
    sources = [source for folder in folders for source in sorted(Path(folder).rglob("*.py"))]
    flaws = [f"{source}: {wrong}" for source in sources if (wrong := flaw(source))]
    flaws += [f"{stray}: a stray" for folder in folders for stray in sorted(strays(Path(folder)))]
    if flaws or not sources:
        sys.exit("\n".join(flaws) or "no modules")
    return f"bytecode is valid: {len(sources)} modules"


def start(function: str, *paths: str) -> str:
    """Imports app.py; says how many modules came from the packages. Exits if one was read as source."""
    shipped = tuple(str(Path(one).resolve()) for one in (function, *paths))
    read = SourceFileLoader.get_data

    def bytecode_only(self: SourceFileLoader, path: str) -> bytes:
        if str(path).startswith(shipped) and str(path).endswith(".py"):
            sys.exit(f"{path} is read as source")
        return read(self, path)

    SourceFileLoader.get_data = bytecode_only  # type: ignore[method-assign]
    sys.dont_write_bytecode = True
    sys.path[:0] = shipped
    importlib.import_module("app")
    ours = [one for one in list(sys.modules.values()) if str(getattr(one, "__file__", None)).startswith(shipped)]
    return f"{Path(function).name} starts from bytecode: {len(ours)} modules"


if __name__ == "__main__":
    sys.stdout.write({"valid": valid, "start": start}[sys.argv[1]](*sys.argv[2:]) + "\n")
