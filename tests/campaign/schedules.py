"""Random schedules of the real use cases: clients, four flushes, jobs, erasures, unmerges and repairs, all at once, in bad weather."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from unittest import mock

from cdp_core.domain.access import ADMIN, caller_with
from cdp_core.domain.identity import Identifier
from cdp_core.domain.leaf import Leaf
from cdp_core.domain.times import iso
from cdp_core.errors import InvalidInput, NotFound
from cdp_core.tables import activities, contacts, dead_letters, leaves
from cdp_core.usecases import erase, jobs, merge, unmerge
from cdp_core.usecases.check import examine
from cdp_core.usecases.drain import drain
from cdp_core.usecases.messages import envelope_of
from cdp_core.usecases.repair import repair_counts
from cdp_core.wire.segment import reread
from tests.campaign.configs import Config
from tests.campaign.consents import Decisions
from tests.campaign.oracle import Cut, Ended, Expected, Seen, Sent, Truth
from tests.campaign.world import START_MS, World
from tests.double import Plan
from tests.double.own_client import as_json
from tests.support.product import leaf_of, track

LIFE = 300
PROFILES, ACTIVITIES = "ProfilesTable", "ActivitiesTable"
_TOO_LONG = 40_000
_ADMIN = caller_with("key:campaign", "Campaign", ADMIN)


class Schedule:
    """One run: the plan of a seed, then chaos, then calm, then the comparison with the oracle."""

    def __init__(self, seed: int, config: Config, enter: Callable[[World], None]) -> None:
        self.config = config
        self.world = World(seed, replace(config.weather))
        self.truth = Truth()
        self.world.plan = Plan(share=config.faults, seed=seed) if config.faults else None
        self.faults: list[str] = []
        enter(self.world)
        self.dice = self.world.dice
        self.users = [f"u{n}" for n in range(config.users)]
        self.visitors = [f"v{n}" for n in range(config.visitors)]
        self.leaves = {leaf_of("user_id", one) for one in self.users} | {
            leaf_of("anonymous_id", one) for one in self.visitors
        }
        self.dead: list[tuple[int, dict[str, Any]]] = []
        self.ttl_since: dict[str, int] = {}
        self.vanished = 0
        self.refused = 0
        self.decisions = Decisions(
            self.truth, self._leaf_of, lambda leaf: leaves.parse(leaf, as_json(self._hot(leaf)) or None), self._children
        )
        if config.consents:
            calm, self.world.weather.calm = self.world.weather.calm, 0
            self.decisions.define()
            self.world.weather.calm = calm
        self.world.aws.written = self._on_write
        self.world.receive = self._receive
        self.plan = sorted(self._plan(), key=lambda one: one[0])

    # What clients and admins will do

    def _plan(self) -> list[tuple[int, str, Any]]:
        config, dice, span = self.config, self.dice, self.dice.choice(self.config.spans)
        pool: list[dict[str, Any]] = []
        plan: list[tuple[int, str, Any]] = []
        for number in range(config.requests):
            events = [self._event(pool, f"{number}-{at}") for at in range(dice.randint(1, config.events))]
            if dice.random() < 0.1:
                events.append(dice.choice(events))
            at = self._when(number, span) + (dice.choice((30, 250)) if dice.random() < 0.2 else 0)
            plan.append((at, "track", events))
            if dice.random() < 0.2:
                plan.append((at + dice.choice((0, 0, 3, 60, 250)), "track", events))
        first, last = (100, 200) if config.comes_back else (10, 30 + 2 * span)
        plan += [
            (dice.randrange(first, last), "delete", f"user_id:{dice.choice(self.users)}") for _ in range(config.deletes)
        ]
        plan += [(dice.randrange(300), "unmerge", dice.choice(self.visitors)) for _ in range(config.unmerges)]
        everybody = [f"user_id:{one}" for one in self.users] + [f"anonymous_id:{one}" for one in self.visitors]
        plan += [
            (dice.randrange(span), "consent", (dice.choice(everybody), dice.random() < 0.3))
            for _ in range(config.consents)
        ]
        plan += [(dice.randrange(20, 300), "repair", dice.choice(sorted(self.leaves))) for _ in range(config.repairs)]
        plan += [(dice.randrange(300), dice.choice(("merge", "part")), None) for _ in range(config.merges)]
        return plan

    def _when(self, number: int, span: int) -> int:
        """A request's tick; people who come back do so once their erasures are over."""
        if not self.config.comes_back:
            return self.dice.randrange(span)
        return self.dice.randrange(100) if number < self.config.requests // 3 else self.dice.randrange(800, span + 100)

    def _event(self, pool: list[dict[str, Any]], message_id: str) -> dict[str, Any]:
        dice = self.dice
        if pool and dice.random() < self.config.retries:
            event = dict(dice.choice(pool))  # a client's retry in another envelope, sometimes with another body
            return (
                event
                if dice.random() < 0.8
                else event | {"traits": {"k0": dice.randrange(9)}, "event": f"t{dice.randrange(2)}"}
            )
        who: dict[str, Any] = (
            {"userId": dice.choice(self.users)}
            if not self.visitors or dice.random() < 0.5
            else {"anonymousId": dice.choice(self.visitors)}
        )
        if self.visitors and dice.random() < self.config.links:
            who = {"userId": dice.choice(self.users), "anonymousId": dice.choice(self.visitors)}
        kind = dice.choice(("page", "track", "track", "identify", "refused"))
        event = {
            "type": "track" if kind == "refused" else kind,
            "messageId": message_id,
            **who,
            "timestamp": self._time(),
        }
        event |= {"event": f"t{dice.randrange(2)}"} if kind == "track" else {}
        event |= {"traits": {f"k{dice.randrange(2)}": dice.randrange(9)}} if kind == "identify" else {}
        pool.append(event)
        return event

    def _time(self) -> str:
        die = self.dice.random()
        if die < 0.1:
            return "not a time" if die < 0.05 else iso(START_MS + 3 * 86_400_000)
        return iso(START_MS + self.dice.randrange(30) * 1000)

    # What happens

    def run(self) -> list[str]:
        """The faults that the oracle finds, none if the product is exact."""
        ring = mock.patch("cdp_core.domain.counting.RING_SIZE", 1 + self.world.seed % 3)
        with ring:
            while self._is_going_on():
                self._tick()
            self._rest()
        return self.faults + self.world.defects

    def _is_going_on(self) -> bool:
        world = self.world
        if world.now > _TOO_LONG:
            self.faults.append("stuck")
            return False
        waiting = world.aws.queue("events") or self.dead or self._open_jobs()
        return bool(self.plan or waiting or world.processes or world.late)

    def _tick(self) -> None:
        world, config = self.world, self.config
        world.now += (
            1 if world.processes or self.plan or world.now < world.weather.calm else 25
        )  # a job that waits is not watched
        while self.plan and self.plan[0][0] <= world.now:
            self._do(*self.plan.pop(0)[1:])
        for item in [one for one in self.dead if one[0] <= world.now]:
            self.dead.remove(item)
            world.aws.queue("events")[item[1]["MessageId"]] = item[1]
        if config.expiring:
            self._expire()
        running = [one.kind for one in world.processes]
        if running.count("flush") < config.flushers and self._is_waiting() and self.dice.random() < 0.3:
            ends = world.now + LIFE
            world.start("flush", lambda: drain(lambda: (ends - world.now) * 1000), life=LIFE)
        if running.count("jobs") < 2 and self._open_jobs() and self.dice.random() < 0.1:
            until = world.now + 60
            world.start("jobs", lambda: jobs.work_jobs(lambda: (until - world.now) * 1000, reread), life=LIFE)
        world.land_late_writes()
        for _ in range(8):
            world.step()

    def _do(self, what: str, about: Any) -> None:
        if what == "track":
            self._track(about)
        elif what == "delete":
            self.world.start("delete", lambda: self._unless_unknown(erase.request_erasure, about), again=True)
        elif what == "consent":
            self.world.start("consent", self.decisions.start(*about, lambda: self.world.now), again=True)
        elif what in ("merge", "part"):
            self._start_merge(parting=what == "part")
        elif what == "repair":
            self.world.start("repair", lambda: repair_counts(about))
        else:
            self._start_unmerge(about)

    def _track(self, events: list[dict[str, Any]]) -> None:
        """Truthful: 200 only if the envelope is on the queue; after 503 the client sends its events again."""
        before = len(self.truth.sent)
        status, _ = track("/v1/batch", {"batch": events})
        sent = self.truth.sent[before:]
        if status == 200 and not sent and not self.decisions.may_withhold(self.world.now):
            self.faults.append("track said 200 for an envelope that is not on the queue")
        for one in sent:
            one.acknowledged |= status == 200
            self.faults += self.decisions.faults_of(one.envelope, self.world.now)
        if status != 200:
            self.refused += 1
            self.plan.insert(0, (self.world.now + 1, "track", events))

    def _unless_unknown(self, use_case: Callable[..., Any], *arguments: Any) -> None:
        try:
            use_case(*arguments)
        except (NotFound, InvalidInput):
            return

    def _start_merge(self, *, parting: bool) -> None:
        """An admin makes the two known users one, or two again."""
        one, other = (f"user_id:{name}" for name in self.users)
        parent, child = sorted(leaf_of("user_id", name) for name in self.users)
        self.truth.merged[child] = parent
        if parting:
            run = lambda: self._unless_unknown(unmerge.unmerge, one, other)  # noqa: E731
        else:
            run = lambda: self._unless_unknown(merge.merge, one, other, _ADMIN, None)  # noqa: E731
        self.world.start("merge", run, again=True)

    def _start_unmerge(self, visitor: str) -> None:
        child = self._hot(leaf_of("anonymous_id", visitor))
        if "par" in child:
            parent = child["par"]["S"]
            run = lambda: self._unless_unknown(unmerge.unmerge, parent, f"anonymous_id:{visitor}")  # noqa: E731
            self.world.start("unmerge", run, again=True)

    def _leaf_of(self, identifier: Identifier) -> str:
        return leaf_of(identifier.kind, identifier.value)

    # AWS, with what only a god knows

    def _children(self, leaf: Leaf) -> list[str]:
        key = {"pk": {"S": leaf.id}, "sk": {"S": f"{leaves.life(leaf.epoch)}links"}}
        item = self.world.aws.table(PROFILES).get(key) or {}
        return list(item.get("c", {}).get("SS", []))

    def _hot(self, leaf: str) -> dict[str, Any]:
        return self.world.aws.table(PROFILES).get({"pk": {"S": leaf}, "sk": {"S": "hot"}}) or {}

    def _open_jobs(self) -> bool:
        return bool(self.world.aws.table(PROFILES).partitions.get("jobs"))

    def _is_waiting(self) -> bool:
        return any(one["visible"] <= self.world.now for one in self.world.aws.queue("events").values())

    def _receive(self, arguments: dict[str, Any]) -> Any:
        """A few of the waiting messages, some of them visible again too early; or into the dead-letter queue with one."""
        world, dice, queue = self.world, self.dice, self.world.aws.queue("events")
        waiting = [one for one in queue.values() if one["visible"] <= world.now]
        dice.shuffle(waiting)
        got = []
        for message in waiting[: dice.randint(1, self.config.batch)]:
            message["received"] += 1
            if (
                self.config.dead_after
                and message["received"] > self.config.dead_after
                and world.now < world.weather.calm
            ):
                del queue[message["MessageId"]]
                self.dead.append((world.weather.calm + dice.randint(0, 200), message | {"received": 0, "visible": 0}))
                continue
            hidden = 0 if dice.random() < 0.03 else dice.choice((1, 1, 1, 6)) * self.config.visibility
            message["visible"] = world.now + hidden
            got.append(
                {
                    "MessageId": message["MessageId"],
                    "Body": message["Body"],
                    "ReceiptHandle": message["MessageId"],
                    "Attributes": {"ApproximateReceiveCount": str(message["received"])},
                }
            )
        return {"Messages": got if dice.random() < 0.9 else got[:1]}

    def _on_write(self, table: str, old: dict[str, Any] | None, new: dict[str, Any] | None) -> None:
        if table != PROFILES or new is None or new["sk"]["S"] != "hot":
            return
        leaf, before = new["pk"]["S"], old or {}
        world = self.world
        if int(new.get("ep", {"N": "0"})["N"]) > int(before.get("ep", {"N": "0"})["N"]):
            asked = world.current.asked if world.current else world.now
            self.truth.ended[leaf] = Ended(world.now, asked, int(new["del"]["N"]), int(new["ep"]["N"]))
        elif "un" in new and new["un"] != before.get("un") and "par" in before:
            cut = Cut(world.now, before["par"]["S"], int(new["fl"]["N"]))
            self.truth.cuts.setdefault(leaf, []).append(cut)
        elif new.get("v") != before.get("v"):
            self._check_invariant(leaf, new)
        if "ttl" in new:
            self.ttl_since.setdefault(leaf, world.now)
        else:
            self.ttl_since.pop(leaf, None)

    def _check_invariant(self, leaf: str, item: dict[str, Any]) -> None:
        """After every commit: rows of the ring <= counters <= rows of the ring or at the horizon."""
        hot = leaves.parse(leaf, as_json(item))
        rows = self._stored(activities.partition(leaf, hot.epoch))
        low = sum(row.envelope in hot.ring for row in rows)
        high = sum(row.envelope in hot.ring or row.envelope <= hot.horizon for row in rows)
        if not low <= sum(hot.counts.values()) <= high:
            self.faults.append(f"{leaf} counts {sum(hot.counts.values())}, not between {low} and {high}")

    def _stored(self, partition: str) -> list[Any]:
        items = self.world.aws.table(ACTIVITIES).partitions.get(partition, {}).values()
        return [activities.parse(as_json(item)) for item in items if item["sk"]["S"] < ":" and "c" not in item]

    def _expire(self) -> None:
        """DynamoDB takes an expired tombstone away; time has passed by then that nothing older survives: no message, no job, no dead letter."""
        world = self.world
        for leaf, since in list(self.ttl_since.items()):
            end = since + world.weather.straggle + 10
            oldest = [one.tick for one in self.truth.sent if self._is_queued(one)] + [
                one.born for one in world.processes
            ]
            is_over = not world.late and not self._open_jobs()
            is_old = world.now > end and is_over and min(oldest, default=world.now) > end
            if is_old and self.dice.random() < 0.05 and not self._letters(leaf):
                world.aws.table(PROFILES).set({"pk": {"S": leaf}, "sk": {"S": "hot"}}, None)
                del self.ttl_since[leaf]
                self.vanished += 1

    def _is_queued(self, one: Sent) -> bool:
        key = one.envelope.key.hex()
        bodies = [m["Body"] for m in self.world.aws.queue("events").values()] + [m["Body"] for _, m in self.dead]
        return any(key in body for body in bodies)

    # At rest

    def _rest(self) -> None:
        self.world.weather.calm = 0
        expected = Expected(self.truth, self._leaf_of)
        users = [Identifier("user_id", one) for one in self.users]
        self.faults += self.decisions.faults_at_rest(
            [*users, *(Identifier("anonymous_id", one) for one in self.visitors)]
        )
        for leaf in sorted(self.leaves):
            self.faults += [f"{leaf}: {fault}" for fault in expected.faults(leaf, self._seen(leaf))]
            self.faults += [f"{leaf}: the checker finds {fault}" for fault in examine(leaf)]

    def _letters(self, leaf: str) -> frozenset[str]:
        hot = leaves.parse(leaf, as_json(self._hot(leaf)) or None)
        items = self.world.aws.table(ACTIVITIES).partitions.get(activities.partition(leaf, hot.epoch), {})
        return frozenset(name.removeprefix(dead_letters.DEAD) for name in items if name.startswith(dead_letters.DEAD))

    def _seen(self, leaf: str) -> Seen:
        hot = leaves.parse(leaf, as_json(self._hot(leaf)) or None)
        tables = self.world.aws.table(ACTIVITIES).partitions
        mine = activities.partition(leaf, hot.epoch)
        old = sum(len(rows) for name, rows in tables.items() if name.startswith(leaf) and name != mine)
        return Seen(
            epoch=hot.epoch,
            rows={(row.time, row.message_id): row.type for row in self._stored(mine)},
            counts={name: n for name, n in hot.counts.items() if n},
            registers=contacts.load(contacts.contact_key(leaf, hot.epoch)).registers,
            parent=hot.parent,
            letters=self._letters(leaf),
            old_rows=old,
        )


def run(seed: int, config: Config, enter: Callable[[World], None]) -> Schedule:
    """One schedule, run to its end."""
    schedule = Schedule(seed, config, enter)
    original = schedule.world.aws.handle

    def handle(operation: str, arguments: dict[str, Any]) -> Any:
        if operation == "SendMessageBatch" and arguments["QueueUrl"] == "events":
            envelopes = [envelope_of(one["MessageBody"]) for one in arguments["Entries"]]
            known = {one.envelope.key for one in schedule.truth.sent}
            schedule.truth.sent += [Sent(schedule.world.now, one) for one in envelopes if one.key not in known]
        return original(operation, arguments)

    schedule.world.aws.handle = handle  # type: ignore[method-assign]
    schedule.run()
    return schedule
