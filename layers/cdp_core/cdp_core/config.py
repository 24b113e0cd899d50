"""The environment, with types. Read once per process through `settings()`, never at import."""

import hashlib
import os
import re
from functools import cache
from typing import NamedTuple

from cdp_core.errors import CdpError


class Misconfigured(CdpError):
    """An environment variable is missing or outside its range."""

    code = "misconfigured"


class Settings(NamedTuple):
    """Every setting of the functions; times in seconds unless the name says otherwise."""

    stage: str = "local"
    profiles_table: str = ""
    activities_table: str = ""
    queue_url: str = ""
    dead_letter_queue_url: str = ""
    restoring: str = "false"
    bucket: str = ""
    identity_secret: str = ""
    admin_secret: str = ""
    flush_interval_seconds: int = 10
    flush_idle: str = "thrifty"
    flush_max_workers: int = 4
    max_discovered_types: int = 500
    max_leaf_types: int = 200
    erasure_wait_seconds: int = 1200
    on_registered: str = ""
    admin_rate_per_minute: int = 1200
    jwt_issuer: str = ""
    jwt_audience: str = ""
    jwt_roles_claim: str = "cognito:groups"


_CALLABLE = re.compile(r"([\w.]+:\w+)?")
_RANGES = {
    "flush_interval_seconds": (1, 60),
    "flush_max_workers": (1, 50),
    "max_discovered_types": (0, 5000),
    "max_leaf_types": (1, 200),
    "erasure_wait_seconds": (60, 7200),
    "admin_rate_per_minute": (1, 60_000),
}


def _number(name: str, text: str) -> int:
    low, high = _RANGES[name]
    if not text.isdigit() or not low <= int(text) <= high:
        raise Misconfigured(f"{name.upper()} must be a whole number from {low} to {high}, not {text!r}")
    return int(text)


def read_settings(environment: dict[str, str]) -> Settings:
    """Settings from an environment. Raises Misconfigured, naming the variable and its range."""
    given = {name: environment[name.upper()] for name in Settings._fields if name.upper() in environment}
    if given.get("flush_idle", "thrifty") not in ("thrifty", "eager"):
        raise Misconfigured("FLUSH_IDLE must be thrifty or eager")
    if given.get("restoring", "false") not in ("false", "true"):
        raise Misconfigured("RESTORING must be false or true")
    if given.get("jwt_issuer") and not given.get("jwt_audience"):
        raise Misconfigured("JWT_AUDIENCE must say which audience the tokens of JWT_ISSUER are for")
    if not _CALLABLE.fullmatch(given.get("on_registered", "")):
        raise Misconfigured("ON_REGISTERED must be empty or module:function")
    return Settings(**{name: _number(name, text) if name in _RANGES else text for name, text in given.items()})  # type: ignore[arg-type]


@cache
def settings() -> Settings:
    """The settings of this process; the environment is read at the first call."""
    return read_settings(dict(os.environ))


@cache
def code_version() -> str:
    """Which code this is: the first 12 hexadecimal digits of the SHA-256 of the library's sources, read once a process."""
    from pathlib import Path  # only the profiles API asks, and track's start should not pay

    sources = Path(__file__).parent
    total = hashlib.sha256()
    for path in sorted(sources.rglob("*.py")):
        total.update(path.relative_to(sources).as_posix().encode() + b"\0" + path.read_bytes())
    return total.hexdigest()[:12]
