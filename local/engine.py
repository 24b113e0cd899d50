"""The embedded AWS engine: started on loopback in a session of its own, stopped so that it saves its state."""

import contextlib
import fcntl
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from local.settings import REGION

_READY_SECONDS = 60
_SAVE_SECONDS = 30
_WORKER_SITE = Path(__file__).resolve().parent / "worker"


class EngineFailed(Exception):
    """The engine did not start, or did not stop in time."""


class Engine:
    """A ministack process whose state lives in a folder. `logs` holds what the functions print, as they print it."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self.logs = state / "functions.log"
        self.endpoint = ""
        self._process: subprocess.Popen[bytes] | None = None
        self._lock: TextIO | None = None

    def start(self) -> None:
        """Starts the engine and waits until it answers. Raises EngineFailed with the end of its log."""
        self.state.mkdir(parents=True, exist_ok=True)
        self._lock = _lock(self.state / "lock")
        _stop_leftover(self.state / "engine.pid")
        shutil.rmtree(self.state / "tmp", ignore_errors=True)
        (self.state / "tmp").mkdir()
        self.logs.write_text("")
        port = _port(self.state / "engine.port")
        self.endpoint = f"http://127.0.0.1:{port}"
        with (self.state / "engine.log").open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "ministack"],
                env=self._environment(port),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        (self.state / "engine.pid").write_text(str(self._process.pid))
        self._wait_until_ready()

    def _environment(self, port: int) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "LD_LIBRARY_PATH") if name in os.environ}
        return kept | {
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(port),
            "PERSIST_STATE": "1",
            "STATE_DIR": str(self.state / "engine"),
            "S3_PERSIST": "1",
            "S3_DATA_DIR": str(self.state / "s3"),
            "TMPDIR": str(self.state / "tmp"),
            "MINISTACK_REGION": REGION,
            "LOG_LEVEL": "WARNING",
            "POWERTOOLS_LOG_LEVEL": "INFO",  # or the functions would take the engine's level for theirs
            # Two more servers that nobody here needs, on fixed ports that two clones would fight over.
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            # The functions' processes inherit these: see local/worker/sitecustomize.py.
            "PYTHONPATH": str(_WORKER_SITE),
            "CDP_LOCAL_FUNCTION_LOG": str(self.logs),
        }

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + _READY_SECONDS
        while time.monotonic() < deadline and self.is_running:
            try:
                with urllib.request.urlopen(f"{self.endpoint}/_ministack/health", timeout=2):
                    return
            except OSError:
                time.sleep(0.1)
        self.stop()
        raise EngineFailed(f"the engine did not start; the end of its log:\n{self._log_tail()}")

    @property
    def is_running(self) -> bool:
        """Whether the process is alive."""
        return self._process is not None and self._process.poll() is None

    def stop(self) -> None:
        """Stops the engine and its functions; it saves first. Raises EngineFailed if it had to be killed."""
        if self._process is None:
            return
        # The functions go too: a flush that ends in the middle is what the protocol is made for.
        in_time = _stop_group(self._process.pid, self._process)
        (self.state / "engine.pid").unlink(missing_ok=True)
        self._process = None
        if self._lock is not None:
            self._lock.close()
        if not in_time:
            raise EngineFailed(f"the engine did not stop within {_SAVE_SECONDS} s; its last changes may not be saved")

    def _log_tail(self) -> str:
        return (self.state / "engine.log").read_text(errors="replace")[-2000:]


def _lock(path: Path) -> TextIO:
    """One run for each state folder: two engines would overwrite each other's state."""
    file = path.open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.close()
        raise EngineFailed(
            f"another run uses {path.parent}; stop it first, or set LOCAL_STATE=another-folder"
        ) from error
    return file


def _stop_leftover(pid_file: Path) -> None:
    """Stops the engine of a run that was killed, so that what it holds in memory is saved and found again."""
    if not pid_file.exists():
        return
    pid = int(pid_file.read_text() or 0)
    if pid and _is_engine(pid):
        _stop_group(pid, None)
    pid_file.unlink()


def _is_engine(pid: int) -> bool:
    shown = subprocess.run(["ps", "-p", str(pid), "-o", "command="], capture_output=True, text=True, check=False)
    return "-m ministack" in shown.stdout


def _stop_group(pid: int, process: subprocess.Popen[bytes] | None) -> bool:
    """Ends a process group by SIGTERM; False if it took SIGKILL."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGTERM)
    in_time = any(_is_gone(pid, process) for _ in _every(0.1, seconds=_SAVE_SECONDS))
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
    return in_time


def _is_gone(pid: int, process: subprocess.Popen[bytes] | None) -> bool:
    return process.poll() is not None if process is not None else not _is_engine(pid)


def _every(pause: float, *, seconds: float) -> Iterator[None]:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        yield
        time.sleep(pause)


def _port(remembered: Path) -> int:
    """The port of the last run if it is free, else any: the queue's URL, which holds it, had better stay the same."""
    wanted = int(remembered.read_text()) if remembered.exists() else 0
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", wanted))
        except OSError:
            probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    remembered.write_text(str(port))
    return port
