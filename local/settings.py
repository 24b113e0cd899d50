"""What `make run` reads from the environment."""

import os
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
REGION = "us-east-1"  # what localstack-client uses whatever AWS_DEFAULT_REGION says


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalSettings:
    """Settings of a run. `endpoint` is a running engine's address, or None to start the embedded one.

    `state` is the folder that survives a run; `flush_interval` is in seconds.
    """

    port: int = 8787
    flush_interval: int = 10
    state: Path = ROOT / ".local"
    endpoint: str | None = None


def read_settings(environment: dict[str, str]) -> LocalSettings:
    """The settings of an environment. Raises ValueError, naming the variable and its range."""
    return LocalSettings(
        port=_number(environment, "PORT", default=8787, highest=65535),
        flush_interval=_number(environment, "FLUSH_INTERVAL_SECONDS", default=10, highest=60),
        state=Path(environment.get("LOCAL_STATE") or ROOT / ".local").resolve(),
        endpoint=environment.get("AWS_ENDPOINT_URL") or None,
    )


def _number(environment: dict[str, str], name: str, *, default: int, highest: int) -> int:
    text = environment.get(name) or str(default)
    if not text.isdigit() or not 1 <= int(text) <= highest:
        raise ValueError(f"{name} must be a whole number from 1 to {highest}, not {text!r}")
    return int(text)


def use_engine(endpoint: str) -> None:
    """Points every AWS client of this process at the engine, and away from any real account."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ |= {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": REGION,
    }
