"""Process death, for real: a forked process makes its AWS calls over a pipe and ends with `os._exit` at one of them.

AWS lives on in the parent. What runs next makes it exact, and the checker finds nothing.
"""

import os
import pickle
import random
import socket
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from cdp_core.domain.contact import contact_fields
from cdp_core.domain.erasure import NOTHING_SAID, Asked
from cdp_core.errors import CdpError
from cdp_core.tables import activities, contacts, dead_letters
from cdp_core.usecases import jobs, redrive, suppress, unmerge, verify_erasure
from cdp_core.usecases.check import examine
from cdp_core.usecases.dead_letters import Span
from cdp_core.usecases.drain import drain
from cdp_core.usecases.erase import request_erasure
from cdp_core.wire.segment import reread
from tests.campaign.world import Weather, World
from tests.support.product import batch, drain_all, leaf_of, user, visitor

TIME = "2026-01-02T03:04:05.678Z"
DIED, FAILED = 86, 87
_LENGTH = struct.Struct("!I")


def page(message_id: str, **ids: str) -> dict[str, Any]:
    """A page event."""
    return {"type": "page", "messageId": message_id, "timestamp": TIME, **ids}


def prepare(world: World) -> None:
    """A visitor and a dead letter known already, and a batch on the queue that does everything a batch can do."""
    batch(page("p0", anonymousId="anon"), {"type": "track", "messageId": "bad", "timestamp": TIME, "userId": "42"})
    drain_all()
    batch(
        page("p1", userId="42", anonymousId="anon"),
        {"type": "track", "messageId": "t1", "timestamp": TIME, "userId": "42", "event": "Song Played"},
        {**page("odd", userId="42"), "timestamp": "2090-01-01T00:00:00Z"},
        {"type": "identify", "messageId": "i", "timestamp": TIME, "userId": "42", "traits": {"email": "a@b.c"}},
        {"type": "group", "messageId": "g", "timestamp": TIME, "userId": "42", "groupId": "acme"},
        {"type": "track", "messageId": "bad2", "timestamp": TIME, "userId": "42"},
    )


def _no_work(world: World) -> None:
    return


def _flush(world: World) -> None:
    drain(lambda: 60_000)


def _unmerge(world: World) -> None:
    unmerge.unmerge("user_id:42", "anonymous_id:anon")


def _erase(world: World) -> None:
    request_erasure("user_id:42")
    for _ in range(6):
        jobs.work_jobs(lambda: 60_000, reread)
        world.now += 600


def _erase_and_suppress(world: World) -> None:
    request_erasure("user_id:42", Asked(reason="request", by="key:first", suppress=True))
    for _ in range(6):
        jobs.work_jobs(lambda: 60_000, reread)
        world.now += 600


def _suppress_and_lift(world: World) -> None:
    made = suppress.suppress(suppress.Who(kind="user_id", value="42"), NOTHING_SAID)
    world.now += 60
    suppress.lift(made["hash"])


def _redrive(world: World) -> None:
    world.now += 13 * 86_400
    redrive.request_redrive(Span(None, None), "messages", None, 1_000, False)
    for _ in range(3):
        jobs.work_jobs(lambda: 60_000, reread)
        world.now += 100
    drain(lambda: 60_000)


def _half_dead(world: World) -> None:
    """The batch's message lies in the dead-letter queue, one of its two leaves applied."""
    message = dict(next(iter(world.aws.queue("events").values())))
    drain_all()
    leaf = leaf_of("user_id", "42")
    world.aws.table("ProfilesTable").set({"pk": {"S": leaf}, "sk": {"S": "hot"}}, _without_ring(world, leaf))
    world.aws.queue("dead")[message["MessageId"]] = message | {"received": 0, "visible": 0}


def _without_ring(world: World, leaf: str) -> dict[str, Any]:
    """The hot item as it is once its envelopes have left the ring: remembered by the horizon alone."""
    item = dict(world.aws.table("ProfilesTable").get({"pk": {"S": leaf}, "sk": {"S": "hot"}}) or {})
    ring = item.pop("ring")["B"]
    return item | {"ring": {"B": b""}, "hz": {"B": max(ring[at : at + 12] for at in range(0, len(ring), 12))}}


@dataclass(frozen=True, slots=True)
class Scenario:
    """What is done before, the work that dies, and what must be there at the end."""

    before: Callable[[World], None]
    work: Callable[[World], None]
    verify: Callable[[World], list[str]]


def _exact(world: World, *, parent: bool = True) -> list[str]:
    leaf, anonymous = user("42"), visitor("anon")
    rows = sorted(row.message_id for row in activities.all_rows(leaf.id, 0))
    contact = contact_fields(contacts.load(contacts.contact_key(leaf.id, 0)).registers)
    letters = [
        sk
        for sk in world.aws.table("ActivitiesTable").partitions[activities.partition(leaf.id, 0)]
        if sk.startswith(dead_letters.DEAD)
    ]
    found = {
        "rows": rows == ["odd", "p1", "t1"],
        "counts": leaf.counts == {"pagevisit": 2, "song_played": 1} and anonymous.counts == {"pagevisit": 1},
        "link": anonymous.parent == (leaf.id if parent else None),
        "contact": contact == {"email": "a@b.c"},
        "letters": len(letters) == 2,
    }
    return [name for name, is_so in found.items() if not is_so]


def _exact_apart(world: World) -> list[str]:
    return _exact(world, parent=False)


def _gone(world: World) -> list[str]:
    left = {
        one
        for name, rows in world.aws.table("ActivitiesTable").partitions.items()
        if rows
        for one in [name]
        if name[0] in "uv"
    }
    lives = {user("42").epoch, visitor("anon").epoch}
    receipts = [one for one in _job_states(world) if '"phase":"done"' in one and '"activities":4' in one]
    return (
        ([f"left {left}"] if left else [])
        + ([] if lives == {1} else [f"epochs {lives}"])
        + ([] if len(receipts) == 1 else ["receipt"])
        + ([] if _is_proven(world) else ["signed receipt"])
    )


def _is_proven(world: World) -> bool:
    """Whether there is one receipt, and it stands every question."""
    names = [
        pk for pk, rows in world.aws.table("ProfilesTable").partitions.items() if pk.startswith("receipt#") and rows
    ]
    return len(names) == 1 and bool(verify_erasure.verify(names[0].partition("#")[2])["verified"])


def _gone_for_good(world: World) -> list[str]:
    (found, *others) = suppress.read(limit=10, position=None).items or [{"hashes": []}]
    is_held = not others and set(found["hashes"]) == {user("42").id, visitor("anon").id}
    return _gone(world) + ([] if is_held and user("42").ttl is None else ["suppression"])


def _exact_and_free(world: World) -> list[str]:
    standing = suppress.read(limit=10, position=None).items
    return _exact(world) + ([] if not standing and user("42").suppressed_since is None else ["suppression"])


def _job_states(world: World) -> list[str]:
    return [
        rows["job"]["state"]["S"]
        for pk, rows in world.aws.table("ProfilesTable").partitions.items()
        if pk.startswith("job#") and "job" in rows
    ]


def _drained(world: World) -> None:
    drain_all()


SCENARIOS: dict[str, Scenario] = {
    "flush and link": Scenario(_no_work, _flush, _exact),
    "unmerge": Scenario(_drained, _unmerge, _exact_apart),
    "erasure and its job": Scenario(_drained, _erase, _gone),
    "erasure with suppression": Scenario(_drained, _erase_and_suppress, _gone_for_good),
    "suppression and lift": Scenario(_drained, _suppress_and_lift, _exact_and_free),
    "redrive": Scenario(_half_dead, _redrive, _exact),
}


class Death:
    """Runs one piece of work in a forked process that dies at its `nth` call, before it is made or after."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.calls = 0

    def run(self, work: Callable[[World], None], *, nth: int | None, after: bool) -> int:
        """The exit status; `calls` says how many calls were made. The parent's clock follows the child's."""
        here, there = socket.socketpair()
        child = os.fork()
        if child == 0:
            here.close()
            self._die_in(there, work, nth, after)
        there.close()
        self._serve(here)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

    def _die_in(self, pipe: socket.socket, work: Callable[[World], None], nth: int | None, after: bool) -> None:
        world, made = self.world, iter(range(10**9))

        def handle(operation: str, arguments: dict[str, Any]) -> Any:
            at = next(made)
            if at == nth and not after:
                os._exit(DIED)
            _write(pipe, (operation, arguments, world.now))
            answer = _read(pipe)
            if at == nth:
                os._exit(DIED)
            if isinstance(answer, Exception):
                raise answer
            return answer

        world.aws.handle = handle  # type: ignore[method-assign]
        try:
            work(world)
        except CdpError:
            os._exit(FAILED)
        except BaseException:
            import traceback

            traceback.print_exc()
            os._exit(1)
        os._exit(0)

    def _serve(self, pipe: socket.socket) -> None:
        """AWS: answers until the process is gone."""
        self.calls = 0
        while (request := _read(pipe)) is not None:
            operation, arguments, self.world.now = request
            self.calls += 1
            try:
                answer = self.world.aws.handle(operation, arguments)
            except Exception as error:
                answer = error
            try:
                _write(pipe, answer)
            except OSError:
                break
        pipe.close()


def _write(pipe: socket.socket, value: Any) -> None:
    data = pickle.dumps(_plain(value))
    pipe.sendall(_LENGTH.pack(len(data)) + data)


def _plain(value: Any) -> Any:
    """An error of AWS as what it is made of: its class is made while the program runs."""
    return ("error", value.response, value.operation_name) if isinstance(value, Exception) else value


def _read(pipe: socket.socket) -> Any:
    head = pipe.recv(_LENGTH.size, socket.MSG_WAITALL)
    if len(head) < _LENGTH.size:
        return None
    value = pickle.loads(pipe.recv(_LENGTH.unpack(head)[0], socket.MSG_WAITALL))  # noqa: S301
    if isinstance(value, tuple) and value and value[0] == "error":
        from botocore.exceptions import ClientError

        return ClientError(value[1], value[2])
    return value


def _fresh(enter: Callable[[World], None], scenario: Scenario) -> World:
    world = World(0, Weather(calm=0), page_items=1_000)
    enter(world)
    prepare(world)
    scenario.before(world)
    return world


def one_run(enter: Callable[[World], None], name: str, deaths: list[tuple[int, bool]]) -> list[str]:
    """The work dies as often as asked, each time where it is told; then it runs to its end. What is wrong then."""
    scenario = SCENARIOS[name]
    world = _fresh(enter, scenario)
    for nth, after in deaths:
        status = Death(world).run(scenario.work, nth=nth, after=after)
        if status not in (DIED, FAILED, 0):
            return [f"ended with {status}"]
        world.now += 700  # leases and visibilities are over
    for _ in range(3):
        Death(world).run(scenario.work, nth=None, after=False)
        world.now += 700
    drain_all()
    return scenario.verify(world) + [
        f"the checker finds {one}" for leaf in (user("42"), visitor("anon")) for one in examine(leaf.id)
    ]


def calls_of(enter: Callable[[World], None], name: str) -> int:
    """How many AWS calls the work makes when nobody dies."""
    scenario = SCENARIOS[name]
    death = Death(_fresh(enter, scenario))
    death.run(scenario.work, nth=None, after=False)
    return death.calls


def plans(enter: Callable[[World], None], *, pairs: int, seed: int) -> Iterator[tuple[str, list[tuple[int, bool]]]]:
    """Every call of every scenario, before and after; then so many pairs of deaths, drawn from the seed."""
    totals = {name: calls_of(enter, name) for name in SCENARIOS}
    for name, total in totals.items():
        yield from ((name, [(nth, after)]) for nth in range(total) for after in (False, True))
    dice = random.Random(seed)
    for _ in range(pairs):
        name = dice.choice(list(SCENARIOS))
        yield name, [(dice.randrange(totals[name]), dice.random() < 0.5) for _ in range(2)]
