"""The house keeps its shape (design section 2)."""

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CORE = ROOT / "layers" / "cdp_core" / "cdp_core"
FUNCTIONS = ROOT / "functions"
SOURCES = sorted([*CORE.rglob("*.py"), *FUNCTIONS.rglob("*.py")])


def test_imports_point_one_way() -> None:
    """The contracts of pyproject.toml, as `make check` runs them."""
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"]
    environment = {**os.environ, "PYTHONPATH": str(CORE.parent)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", ["track", "flush", "profiles_api"])
def test_a_function_folder_holds_app_py_only(name: str) -> None:
    """A second module belongs in the layer. A static file that is served may lie beside."""
    served = {"track": {"kxt.js"}}.get(name, set())
    assert {path.name for path in (FUNCTIONS / name).iterdir() if path.name != "__pycache__"} == {"app.py"} | served


def _calls(path: Path) -> Iterator[str]:
    """The names of all functions and methods called in a file."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            yield node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_no_code_path_scans(path: Path) -> None:
    """No scan serves a request: neither the SDK's method nor the operation by name. The checker's gateway walks whole tables."""
    if path.stem == "walk":
        return
    assert "scan" not in set(_calls(path))
    names = {node.value for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Constant)}
    assert names.isdisjoint({"scan", "Scan"})


def test_only_the_checker_walks_tables() -> None:
    """The one gateway that scans is used by the one use case that no request waits for."""
    users = {
        path.stem for path in SOURCES if re.search(r"^from cdp_core\.tables import .*\bwalk\b", path.read_text(), re.M)
    }
    assert users == {"check"}


def test_importing_the_library_reads_no_environment_and_makes_no_client() -> None:
    """The library is lazy; only app.py may be eager."""
    modules = [".".join(path.relative_to(CORE.parent).with_suffix("").parts) for path in sorted(CORE.rglob("*.py"))]
    modules = [name.removesuffix(".__init__") for name in modules]
    code = (
        "import importlib, os, boto3\n"
        "def refuse(*a, **k): raise AssertionError('at import')\n"
        "boto3.client = boto3.resource = refuse\n"
        f"names = {modules!r}\n"
        "before = dict(os.environ)\n"
        "import cdp_core.config\n"
        "for name in names: importlib.import_module(name)\n"
        "assert cdp_core.config.settings.cache_info().currsize == 0\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=CORE.parent, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


BANNED = (
    "boto3 botocore pydantic aws_lambda_powertools aws_xray_sdk requests urllib3 asyncio http email cryptography jwt"
)
WIRES = "wire.forms wire.kentico wire.pixel wire.segment wire.settings usecases.accept usecases.definitions"


@pytest.mark.parametrize("also", ["", WIRES])
def test_track_does_without_what_is_slow_to_start(also: str) -> None:
    """Track is the hot path: neither its start nor anything that a request may import later brings one of these."""
    code = (
        "import sys; sys.path[:0] = ['functions/track', 'layers/cdp_core']; import app, importlib\n"
        f"for name in {also.split()!r}: importlib.import_module('cdp_core.' + name)\n"
        f"print(sorted({{name.split('.')[0] for name in sys.modules}} & set({BANNED.split()!r})))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_start_of_track_imports_the_way_of_plain_events_only() -> None:
    """What else may be asked for waits until somebody asks."""
    code = (
        "import sys; sys.path[:0] = ['functions/track', 'layers/cdp_core']; import app\n"
        f"print([name for name in {WIRES.split()!r} if 'cdp_core.' + name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_modules_stay_under_300_lines(path: Path) -> None:
    """A longer one holds two nouns."""
    assert len(path.read_text().splitlines()) < 300


def _public_functions(module: Path) -> set[str]:
    tree = ast.parse(module.read_text())
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")}


def test_every_access_pattern_names_functions_that_exist() -> None:
    """docs/tables.md: `module.function` in the list of access patterns."""
    text = (ROOT / "docs" / "tables.md").read_text().split("## Access patterns")[1]
    named = set(re.findall(r"`(\w+)\.(\w+)`", text))
    existing = {(path.stem, name) for path in (CORE / "tables").glob("*.py") for name in _public_functions(path)}
    assert named
    assert named <= existing, named - existing


def test_every_gateway_function_that_speaks_to_dynamodb_is_an_access_pattern() -> None:
    """No query without its line in docs/tables.md."""
    text = (ROOT / "docs" / "tables.md").read_text().split("## Access patterns")[1]
    named = set(re.findall(r"`(\w+)\.(\w+)`", text))
    for path in (CORE / "tables").glob("*.py"):
        if path.stem in ("dynamo", "codec", "__init__"):
            continue
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_") and _speaks(node):
                assert (path.stem, node.name) in named, f"{path.stem}.{node.name} is not in docs/tables.md"


def _speaks(function: ast.FunctionDef) -> bool:
    """Whether a function calls DynamoDB itself."""
    calls = [node.func for node in ast.walk(function) if isinstance(node, ast.Call)]
    return any(isinstance(one, ast.Attribute) and getattr(one.value, "id", "") == "dynamo"
               and one.attr in ("call", "get", "get_many", "query", "transact", "delete", "delete_many", "asked") for one in calls)  # fmt: skip


def test_every_dependency_is_justified() -> None:
    """docs/decisions names each package that we ask for."""
    decisions = "\n".join(path.read_text() for path in (ROOT / "docs" / "decisions").glob("*.md"))
    asked = [ROOT / "layers/cdp_core/requirements.in", *(ROOT / "requirements").glob("*.in")]
    lines = [line.strip() for path in asked for line in path.read_text().splitlines()]
    names = {re.split(r"[\[=<>]", line)[0] for line in lines if line and line[0] not in "#-"}
    assert {name for name in names if f"`{name}`" not in decisions} == set()


def test_the_functions_environment_is_what_the_settings_read() -> None:
    """config.py and the template's Globals name the same variables."""
    from cdp_core.config import Settings
    from tests.double.stack import template

    given = set(template()["Globals"]["Function"]["Environment"]["Variables"])
    assert given == {name.upper() for name in Settings._fields}


def test_docs_are_reached_from_the_readme() -> None:
    """Every page has a way to it, from the README or from a page that the README links."""
    pages = {path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").rglob("*.md")}
    reached, todo = set(), ["README.md"]
    while todo:
        page = todo.pop()
        links = re.findall(r"\]\(([^)#]+\.md)", (ROOT / page).read_text())
        found = {(ROOT / page).parent.joinpath(link).resolve().relative_to(ROOT).as_posix() for link in links}
        todo += sorted(found - reached)
        reached |= found
    assert pages - reached == set()
