"""A world of one seed: an AWS in memory, a clock, and processes that are switched at every AWS call, may die there, and whose calls
may fail, lose their answer, or land after the caller gave up. Everything replays from the seed.
"""

import os
import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any
from unittest import mock
from uuid import UUID

from botocore.client import BaseClient
from botocore.exceptions import ReadTimeoutError
from greenlet import getcurrent, greenlet

from cdp_core.aws import Client
from cdp_core.secrets import identity_key
from cdp_core.tables import catalogue, channels, dynamo
from cdp_core.usecases import activity_types
from tests.double import faults
from tests.double.faults import Died, Plan
from tests.double.limits import check
from tests.double.memory import Memory
from tests.double.own_client import led
from tests.double.strict import ENVIRONMENT, IN_MEMORY, clear_caches
from tests.support.product import seed_keys

START_MS = 1_800_000_000_000
WRITES = {"PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems", "BatchWriteItem", "SendMessageBatch", "DeleteMessageBatch", "PutObject"}  # fmt: skip


@dataclass(slots=True, kw_only=True)
class Weather:
    """How often calls go wrong while the storm lasts (until `calm`, in ticks of a second), and how far clocks are apart (ticks)."""

    crash: float = 0.015
    lost: float = 0.03
    late: float = 0.02
    refused: float = 0.03
    calm: int = 600
    straggle: int = 60
    skew: int = 0


@dataclass(slots=True)
class Process:
    """Something that runs: its greenlet, since when (tick), how long it may live, and what to start if it dies."""

    kind: str
    run: Callable[[], Any]
    born: int
    life: int
    again: bool
    skew: int
    weight: float
    asked: int
    thread: Any = None


@dataclass(slots=True)
class World:
    """The state of one schedule."""

    seed: int
    weather: Weather
    page_items: int = 3
    now: int = 0
    processes: list[Process] = field(default_factory=list)
    late: list[tuple[int, Callable[[], Any]]] = field(default_factory=list)
    defects: list[str] = field(default_factory=list)
    crashes: int = 0
    calls: int = 0
    dice: random.Random = field(init=False)
    aws: Memory = field(init=False)
    hub: Any = field(init=False)
    current: Process | None = None
    receive: Callable[[dict[str, Any]], Any] | None = None
    plan: Plan | None = None

    def __post_init__(self) -> None:
        self.dice = random.Random(self.seed)
        self.aws = Memory(page_items=self.page_items)
        self.aws.now = lambda: float(self.now)
        self.hub = getcurrent()

    def new_id(self) -> UUID:
        """A random id that replays."""
        return UUID(int=self.dice.getrandbits(128))

    def now_ms(self) -> int:
        """The clock of whoever asks: a process's own, off by its skew."""
        skew = self.current.skew if self.current else 0
        return START_MS + (self.now + skew) * 1000

    def call(self, operation: str, arguments: dict[str, Any]) -> Any:
        """One try of a call of the product: others run first, then it happens, or not, or nobody knows."""
        self.calls += 1
        check("sqs" if "Message" in operation else "dynamodb", operation, arguments)
        self._let_others_run()
        fault = self._fault(operation)
        if fault is None:
            return self._planned(operation, arguments)
        self._go_wrong(fault, operation, arguments)
        raise ReadTimeoutError(endpoint_url=fault)

    def gives_up(self) -> bool:
        """Whether the client makes no further try after trouble, as if its time were over."""
        return self.dice.random() < 0.5

    def _planned(self, operation: str, arguments: dict[str, Any]) -> Any:
        """The call, with the fault that the plan has for it while the storm lasts."""
        kind = self.plan.next(operation) if self.plan and self.now < self.weather.calm else None
        service = "sqs" if "Message" in operation else "dynamodb"
        return faults.apply(kind, service, operation, lambda: self._handle(operation, arguments), arguments)

    def _handle(self, operation: str, arguments: dict[str, Any]) -> Any:
        if operation == "ReceiveMessage" and self.receive is not None:
            return self.receive(arguments)
        return self.aws.handle(operation, arguments)

    def _let_others_run(self) -> None:
        if self.current is not None:
            self.hub.switch()

    def _fault(self, operation: str) -> str | None:
        weather = self.weather
        if self.now >= weather.calm:
            return None
        die = self.dice.random()
        if die < weather.refused:
            return "refused"
        if operation not in WRITES:
            return None
        if die < weather.refused + weather.lost:
            return "lost"
        return "late" if die < weather.refused + weather.lost + weather.late else None

    def _go_wrong(self, fault: str, operation: str, arguments: dict[str, Any]) -> None:
        if fault == "lost":
            self._quietly(operation, arguments)
        elif fault == "late":
            at = self.now + self.dice.randint(1, self.weather.straggle)
            owner = self.current
            self.late.append((at, lambda: self._land(owner, operation, arguments)))

    def _land(self, owner: Process | None, operation: str, arguments: dict[str, Any]) -> None:
        self.current = owner
        self._quietly(operation, arguments)
        self.current = None

    def _quietly(self, operation: str, arguments: dict[str, Any]) -> None:
        """The call happens and nobody hears of it, be it a failed condition."""
        try:
            self._handle(operation, arguments)
        except Exception as error:
            if "onditional" not in str(error) and "cancelled" not in str(error):
                raise

    # Processes

    def start(
        self, kind: str, run: Callable[[], Any], *, life: int = 10**9, again: bool = False, asked: int | None = None
    ) -> None:
        """Lets a process run; one with `again` is started anew when it dies, and remembers when it was `asked` for first."""
        skew = self.dice.randint(-self.weather.skew, self.weather.skew) if self.weather.skew else 0
        weight = self.dice.choice((0.05, 0.3, 1, 1))
        process = Process(kind, run, self.now, life, again, skew, weight, self.now if asked is None else asked)
        process.thread = greenlet(self._guarded(process), parent=self.hub)
        self.processes.append(process)

    def _guarded(self, process: Process) -> Callable[[], None]:
        def body() -> None:
            try:
                process.run()
            except Died:
                pass
            except dynamo.CdpError:
                pass  # the use case said that it could not; whoever asked asks again if the process is of that kind
            else:
                process.again = False

        return body

    def step(self) -> None:
        """One process goes on to its next call, or dies there."""
        if not self.processes:
            return
        process = self.dice.choices(self.processes, [one.weight for one in self.processes])[0]
        if self.dice.random() < 0.02:
            process.weight = self.dice.choice((0.05, 0.3, 1, 3))
        is_dying = self.now < self.weather.calm and self.dice.random() < self.weather.crash
        if is_dying or self.now - process.born > process.life:
            self._kill(process)
        else:
            self._switch(process, process.thread.switch)

    def _kill(self, process: Process) -> None:
        self.crashes += 1
        if process.thread:
            self._switch(process, lambda: process.thread.throw(Died))
        else:  # it never began
            self.processes.remove(process)
            if process.again:
                self.start(process.kind, process.run, life=process.life, again=True, asked=process.asked)

    def _switch(self, process: Process, go: Callable[[], Any]) -> None:
        self.current = process
        try:
            go()
        finally:
            self.current = None
        if process.thread.dead:
            self.processes.remove(process)
            if process.again:
                self.start(process.kind, process.run, life=process.life, again=True, asked=process.asked)

    def land_late_writes(self) -> None:
        """Writes whose callers gave up happen now."""
        for item in [one for one in self.late if one[0] <= self.now]:
            self.late.remove(item)
            item[1]()


class Inline:
    """A thread pool without threads: its work is done in the order that the world's dice say, or as given."""

    order: Callable[[list[Any]], list[int]] = staticmethod(lambda many: list(range(len(many))))

    def __init__(self, *arguments: Any) -> None:
        pass

    def __enter__(self) -> "Inline":
        return self

    def __exit__(self, *arguments: Any) -> None:
        pass

    def map(self, function: Callable[[Any], Any], many: Any) -> Iterator[Any]:
        """The results in their order, whatever the order of the work."""
        many = list(many)
        results = dict.fromkeys(range(len(many)))
        for at in self.order(many):
            results[at] = function(many[at])
        return iter(results.values())


class Journal:
    """The product's log: a warning is the weather, an exception is a defect."""

    def __init__(self, world: "Holder") -> None:
        self.world = world

    def warning(self, *arguments: Any, **extra: Any) -> None:
        """Weather."""

    info = warning

    def exception(self, message: str, **extra: Any) -> None:
        """A defect, with where it came from."""
        import traceback

        self.world.world.defects.append(f"{message}: {traceback.format_exc(limit=-4)}")


class Holder:
    """The world that the patched product runs in now."""

    world: World


@contextmanager
def harness() -> Iterator[Callable[[World], None]]:
    """The product with its clock, threads, log and AWS in the hands of a world; the yielded function enters the next world.

    Patched once for many worlds: clients are expensive to make.
    """
    holder = Holder()

    def call(client: Any, operation: str, arguments: dict[str, Any]) -> Any:
        return holder.world.call(operation, arguments)

    with ExitStack() as stack:
        stack.enter_context(mock.patch.dict(os.environ, ENVIRONMENT | IN_MEMORY | {"ERASURE_WAIT_SECONDS": "500"}))
        clear_caches()
        patches: dict[str, Any] = {
            "cdp_core.clock.now_ms": lambda: holder.world.now_ms(),
            "cdp_core.aws.pause": lambda attempt: None,
            "cdp_core.tables.dynamo.pause": lambda attempt: None,
            "cdp_core.deadline.now": lambda: 0.0,  # real time would end calls that replays do not
            "cdp_core.aws._log": lambda about: None,
            "cdp_core.usecases.drain.time": SimpleNamespace(monotonic=lambda: holder.world.now / 100),
            "cdp_core.usecases.jobs.time": SimpleNamespace(monotonic=lambda: holder.world.now),
            "cdp_core.usecases.messages.os": SimpleNamespace(urandom=lambda size: holder.world.dice.randbytes(size)),
            "cdp_core.usecases.apply_envelopes.ThreadPoolExecutor": Inline,
            "cdp_core.usecases.verify_erasure.ThreadPoolExecutor": Inline,
            "cdp_core.tables.erasures.ThreadPoolExecutor": Inline,
            "cdp_core.usecases.redrive.time": SimpleNamespace(sleep=lambda seconds: None),
        }
        for module in ("queue", "tables.dynamo"):
            patches[f"cdp_core.{module}.logger"] = lambda: Journal(holder)
        for module in ("flush", "check", "accept", "accept_plain"):
            patches[f"cdp_core.usecases.{module}.count"] = lambda **figures: None
        for module in ("erase", "jobs", "redrive", "bulk_erase"):
            patches[f"cdp_core.usecases.{module}.uuid"] = SimpleNamespace(uuid4=lambda: holder.world.new_id())
        for module in ("apply_leaf", "apply_envelopes", "drain", "jobs", "flush", "check"):
            patches[f"cdp_core.usecases.{module}.logger"] = lambda: Journal(holder)
        stack.enter_context(mock.patch.object(BaseClient, "_make_api_call", call))
        stack.enter_context(mock.patch.object(Client, "_once", led(call, gives_up=lambda: holder.world.gives_up())))
        for name, value in patches.items():
            stack.enter_context(mock.patch(name, value))
        try:
            yield lambda world: _enter(holder, world)
        finally:
            clear_caches()


def _enter(holder: Holder, world: World) -> None:
    holder.world = world
    calm, world.weather.calm = world.weather.calm, 0
    channels._cache().clear()
    catalogue._cache().clear()
    activity_types._known.cache_clear()
    Inline.order = staticmethod(lambda many: world.dice.sample(range(len(many)), len(many)))  # type: ignore[assignment]
    identity_key()  # remembered by the process: the first world must not differ from the others
    seed_keys()
    world.weather.calm = calm
    world.dice.seed(world.seed)
    world.calls = 0
