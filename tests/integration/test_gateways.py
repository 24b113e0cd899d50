"""The contract of the storage gateways: the same on every engine."""

import uuid
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal

import pytest

from cdp_core.domain.activity import Row, copy_of
from cdp_core.domain.catalogue import ActivityType
from cdp_core.domain.channels import Channel
from cdp_core.domain.contact import Register
from cdp_core.domain.erasure import Asked, new_job
from cdp_core.domain.erasure_receipt import Receipt
from cdp_core.domain.identity import Identifier, leaf_id
from cdp_core.domain.leaf import Leaf
from cdp_core.domain.links import Wish
from cdp_core.domain.listing import Listed
from cdp_core.domain.suppression import suppressions_of
from cdp_core.tables import (
    activities,
    catalogue,
    channels,
    contacts,
    dead_letters,
    dynamo,
    erasure_receipts,
    erasures,
    jobs,
    leaves,
    links,
    listing,
    profile_items,
    suppressions,
)
from cdp_core.tables.dead_letters import DeadLetter
from tests.integration.engines import available, running

TIME = 1_767_323_045_678
KEY = TIME.to_bytes(6, "big") + b"random"


@pytest.fixture(scope="module", params=available(), autouse=True)
def _engine(request: pytest.FixtureRequest) -> Iterator[None]:
    """Every test runs on every engine there is; tests keep apart by their own random identifiers."""
    with running(request.param):
        yield


def new_user() -> str:
    """A user's leaf that no other test knows."""
    return leaf_id(b"key", Identifier("user_id", uuid.uuid4().hex))


def new_visitor() -> str:
    """A visitor's leaf that no other test knows."""
    return leaf_id(b"key", Identifier("anonymous_id", uuid.uuid4().hex))


def row(message_id: str = "m", *, time: int = TIME, envelope: bytes = KEY) -> Row:
    """A row with a body that is hard to keep."""
    body = {
        "properties": {"n": [Decimal("0.10000000000000000000000000000000000000000001"), 10**30], "": "\x00\ufffe😀"}
    }
    return Row(time=time, message_id=message_id, type="pagevisit", envelope=envelope, body=body)


def test_an_unwritten_leaf_is_all_defaults() -> None:
    leaf = new_user()
    assert leaves.load(leaf) == Leaf(id=leaf)
    assert leaves.load_many([leaf, leaf]) == {leaf: Leaf(id=leaf)}


def test_a_committed_leaf_reads_back_and_a_stale_writer_loses() -> None:
    empty = Leaf(id=new_user())
    after = empty._replace(identifier="user_id:1", counts={"pagevisit": 3}, first_seen=1, last_seen=2, created_at=3,
                    ring=frozenset({KEY, bytes(12)}), horizon=KEY, listed="x", verified_since=4)  # fmt: skip
    assert leaves.commit(empty, after)
    assert leaves.load(empty.id) == after._replace(version=1)
    assert not leaves.commit(empty, after)
    assert leaves.commit(leaves.load(empty.id), after)


def test_a_row_is_put_once_and_the_second_put_says_whose_it_is() -> None:
    leaf = new_user()
    assert activities.put(leaf, 0, row()).is_new
    other = KEY[:6] + b"other!"
    answer = activities.put(leaf, 0, row(envelope=other))
    assert (answer.is_new, answer.stored.envelope) == (False, KEY)


def test_a_body_reads_back_exactly() -> None:
    leaf = new_user()
    activities.put(leaf, 0, row())
    (read,) = activities.timeline(
        leaf, 0, low=activities.sort_key(0), high=activities.sort_key(TIME + 1), newest_first=True, limit=5
    )
    assert read == row()


def test_the_timeline_shows_copies_and_not_their_stubs_and_a_recount_the_other_way_round() -> None:
    leaf = new_user()
    stub = row("s", time=0)._replace(position=TIME + 5)
    activities.put(leaf, 0, stub)
    activities.put_copy(leaf, 0, copy_of(stub))
    activities.put(leaf, 0, row("r"))
    low, high = activities.sort_key(1), activities.sort_key(TIME + 10)
    shown = activities.timeline(leaf, 0, low=low, high=high, newest_first=True, limit=5)
    assert [one.message_id for one in shown] == ["s", "r"]
    assert sorted(one.message_id for one in activities.all_rows(leaf, 0)) == ["r", "s"]


@pytest.mark.parametrize("newest_first", [True, False])
def test_the_timeline_is_in_order_over_all_the_queries_that_it_takes(newest_first: bool) -> None:
    leaf = new_user()
    for n in range(5):
        activities.put(leaf, 0, row(f"m{n}", time=TIME + n))
    low, high = activities.sort_key(TIME + 1), activities.sort_key(TIME + 4)
    shown = activities.timeline(leaf, 0, low=low, high=high, newest_first=newest_first, limit=2)
    assert [one.message_id for one in shown] == (["m3", "m2", "m1"] if newest_first else ["m1", "m2", "m3"])


def test_details_are_saved_by_version() -> None:
    key = contacts.contact_key(new_user(), 3)
    registers = {"name": Register(value="Ann", time=TIME, source="web", message_id="m")}
    before = contacts.load(key)
    assert contacts.save(before, registers)
    assert not contacts.save(before, {})
    assert contacts.load(key).registers == registers
    assert contacts.load_many([key])[key] == contacts.load(key)


def test_a_link_moves_between_parents_and_stale_trees_lose() -> None:
    child, first, second = new_visitor(), new_user(), new_user()
    wish = Wish(
        child=child, identifier="anonymous_id:x", parent=first, parent_identifier="user_id:x", key=(TIME, "m"), epoch=0
    )
    below, above = links.load_tree(child), links.load_tree(first)
    assert links.link(wish, below, above, [])
    assert not links.link(wish, below, above, [])
    assert links.load_tree(child).root == first
    moved = replace(wish, parent=second, key=(TIME - 1, "m"))
    assert links.link(moved, links.load_tree(child), links.load_tree(second), [])
    assert links.load_tree(child).root == second
    assert links.load_tree(first).children == {first: frozenset()}
    assert leaves.load(child).link_key == (TIME - 1, "m")


def test_a_tombstone_ends_a_life_and_its_ttl_is_taken_off_before_the_next() -> None:
    leaf = new_user()
    leaves.commit(Leaf(id=leaf), Leaf(id=leaf, identifier="user_id:1", counts={"x": 1}, created_at=1))
    members = [leaves.load(leaf)]
    job = new_job(uuid.uuid4().hex, created_at=TIME, lives={leaf: 1}, activities=1, about={})
    assert erasures.entomb(members, job, erased_until=TIME, consents={})
    assert not erasures.entomb(members, job, erased_until=TIME, consents={})
    buried = leaves.load(leaf)
    assert buried == Leaf(id=leaf, version=2, epoch=1, erased_until=TIME, link_version=1, job=job.id)
    assert erasures.expire(buried, at=TIME)
    assert not erasures.expire(buried, at=TIME)
    asleep = leaves.load(leaf)
    assert asleep.ttl == TIME // 1000
    assert leaves.wake(asleep)
    assert leaves.load(leaf).ttl is None


def test_a_sweep_finds_everything_of_one_life_and_nothing_of_the_next() -> None:
    leaf = new_user()
    activities.put(leaf, 0, row())
    activities.put(leaf, 1, row())
    letter = DeadLetter(
        envelope=KEY, index=0, reason="r", message="m", at=TIME, attempts=1, original="{}", form=dead_letters.SENT
    )
    dead_letters.bury(letter, leaf=leaf, epoch=0)
    contacts.save(contacts.load(contacts.contact_key(leaf, 0)), {})
    contacts.join_record(leaf, 0, ("account", "acme"), received_at=TIME)
    for part, counted in (
        ("activities", {"activities": 1, "dead_letters": 1}),
        ("details", {"contact": 1, "memberships": 1}),
    ):
        (page,) = erasures.pages(leaf, 0, part)
        assert page.counts == counted
        erasures.delete(page, part)
        assert list(erasures.pages(leaf, 0, part)) == []
    assert len(list(activities.all_rows(leaf, 1))) == 1
    assert dynamo.get("ProfilesTable", contacts.record_leaf_key(("account", "acme"), leaf, 0)) is None


def test_a_job_is_leased_by_one_process_and_survives_it() -> None:
    job = new_job(uuid.uuid4().hex, created_at=TIME, lives={new_user(): 1}, activities=1, about={})
    assert dynamo.transact(jobs.creation(job))
    assert job in jobs.open_jobs()
    leased = jobs.lease(job.id, owner="a", now=10, until=20)
    assert leased == job
    assert jobs.lease(job.id, owner="b", now=15, until=30) is None
    assert jobs.lease(job.id, owner="a", now=15, until=20) == job  # again, as its answer may have been lost
    assert jobs.lease(job.id, owner="b", now=21, until=30) == job
    assert not jobs.save(job, owner="a", lease_until=0)
    changed = replace(job, phase="wait", place={"step": 3, "page_end": ""}, counts={"activities": 7})
    assert jobs.save(changed, owner="b", lease_until=0)
    assert jobs.load(job.id) == changed
    jobs.close(job)
    assert job.id not in [one.id for one in jobs.open_jobs()]


def test_a_listing_entry_is_found_by_prefix_and_a_stale_writer_loses() -> None:
    leaf = new_user()
    name = uuid.uuid4().hex
    before = listing.load(leaf, 0)
    assert listing.save(leaf, 0, before=before, shown=Listed(day="2026-01-02", verified=True, name=name, email=""))
    assert not listing.save(leaf, 0, before=before, shown=None)
    shard = f"name#{leaf[-1]}"
    (hit,) = listing.page(shard, span=listing.starting_with(name[:20]), newest_first=False, limit=5)
    assert (hit.leaf, hit.epoch, hit.sort_key) == (leaf, 0, f"{name}#{leaf}")
    assert (
        listing.page(shard, span=listing.starting_with(name[:20]), after=hit.sort_key, newest_first=False, limit=5)
        == []
    )
    entry = listing.load(leaf, 0)
    assert (entry.day, entry.verified) == ("2026-01-02", True)
    assert listing.save(leaf, 0, before=entry, shown=None)
    assert listing.page(shard, span=listing.starting_with(name[:20]), newest_first=False, limit=5) == []


def test_an_activity_type_is_discovered_once() -> None:
    code = "type_" + uuid.uuid4().hex
    assert catalogue.discover_type(code, "Name", discovered_at=TIME)
    assert not catalogue.discover_type(code, "Other", discovered_at=TIME)
    assert code in catalogue.discovered_types()
    assert catalogue.load().types[code] == ActivityType(
        code_name=code, name="Name", confirmed=False, discovered_at=TIME
    )


def test_a_write_key_is_known_by_its_hash_and_its_channel_is_on() -> None:
    name, key = uuid.uuid4().hex, uuid.uuid4().hex
    assert channels.save_channel(Channel(code_name=name, name="Shop", type="website"))
    assert not channels.save_channel(Channel(code_name=name, name="Other", type="website"))
    channels.save_write_key(key, channel=name, secret=True)
    found = channels.find_write_key(key)
    assert found is not None
    assert (found.channel.code_name, found.secret, found.channel.enabled) == (name, True, True)
    assert channels.find_write_key("unknown") is None


def test_one_query_reads_a_leaf_and_its_contact() -> None:
    leaf = new_user()
    leaves.commit(Leaf(id=leaf), Leaf(id=leaf, identifier="user_id:1", created_at=1))
    contacts.save(contacts.load(contacts.contact_key(leaf, 0)), {})
    hot, details = profile_items.load(leaf)
    assert hot == leaves.load(leaf)
    assert details.version == 1


def test_a_hundred_and_more_keys_are_read_and_deleted() -> None:
    pk = uuid.uuid4().hex
    keys = [(pk, f"{n:04d}") for n in range(120)]
    for key in keys:
        dynamo.call("PutItem", TableName="ActivitiesTable", Item=dynamo.key_of(key))
    assert set(dynamo.get_many("ActivitiesTable", keys)) == set(keys)
    dynamo.delete_many("ActivitiesTable", keys)
    assert dynamo.get_many("ActivitiesTable", keys) == {}


@pytest.mark.parametrize("size", [300_000, 420_000])
def test_an_item_of_more_than_400_kb_is_refused_as_invalid(size: int) -> None:
    item = dynamo.key_of((uuid.uuid4().hex, "x")) | {"b": {"S": "x" * size}}
    if size < 400_000:
        assert dynamo.call("PutItem", TableName="ActivitiesTable", Item=item) is not None
    else:
        with pytest.raises(dynamo.StoreRefused):
            dynamo.call("PutItem", TableName="ActivitiesTable", Item=item)


def test_a_suppression_begins_and_ends_with_its_leaves_and_loses_against_a_change() -> None:
    """The intervals and the list are one transaction; an empty leaf expires after it."""
    known, visitor = leaves.load(new_user()), leaves.load(new_visitor())
    (one,) = suppressions_of([known], asked_at=TIME, asked=Asked(reason="request", by="key:first"))
    assert suppressions.begin(one, [known])
    assert not suppressions.begin(one, [known])
    held = leaves.load(known.id)
    assert (held.suppressed_since, held.suppressed_with, held.is_live) == (one.since, known.id, False)
    assert suppressions.load(known.id, one.since) == one
    assert one in suppressions.page(before="", limit=100)
    assert one not in suppressions.page(before=suppressions.place(one), limit=100)
    assert not suppressions.end(one, [held._replace(link_version=0)], at=TIME, expires=[known.id], expires_at=TIME)
    assert suppressions.end(one, [held], at=TIME, expires=[known.id], expires_at=TIME + 1_000_000)
    after = leaves.load(known.id)
    assert (after.suppressed_since, after.suppressions, after.ttl) == (
        None,
        ((one.since, TIME),),
        (TIME + 1_000_000) // 1000,
    )
    assert suppressions.load(known.id, one.since) is None
    assert leaves.wake(after)
    assert leaves.load(known.id).ttl is None
    assert leaves.load(visitor.id).suppressions == ()


def test_receipts_are_appended_one_behind_the_other() -> None:
    """Only behind the end that was read, and each erasure once."""
    before = erasure_receipts.last()
    number = before.number if before else 0
    first = Receipt(
        number=number + 1, erasure=uuid.uuid4().hex, digest="a", previous="", issued_at=TIME, text="t", signature="s"
    )
    assert erasure_receipts.append(first, before=before)
    assert not erasure_receipts.append(first, before=before)
    assert not erasure_receipts.append(replace(first, erasure=uuid.uuid4().hex), before=before)
    second = replace(first, number=number + 2, erasure=uuid.uuid4().hex, digest="b", previous="a")
    assert erasure_receipts.append(second, before=erasure_receipts.last())
    assert erasure_receipts.load(first.erasure) == first
    assert erasure_receipts.load("nothing") is None
    assert set(erasure_receipts.links([number + 1, number + 2, number + 3])) == {number + 1, number + 2}
