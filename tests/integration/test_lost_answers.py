"""What is tried again after a lost answer meets its own effect, and says what it would have said."""

from collections.abc import Iterator

import pytest

from cdp_core.config import settings
from cdp_core.domain.erasure import new_job
from cdp_core.tables import contacts, dynamo, jobs, leaves, notes, records
from cdp_core.tables.notes import Note
from tests.double import Fault, Plan, StrictAws, strict_aws
from tests.double.faults import LOST
from tests.double.memory import Memory

LEAF = "u" + "0" * 40
NOTE = Note(id="1", at=1, author="a", author_id="b", text="t")
ACME = ("account", "acme")


@pytest.fixture(params=["moto", "memory"])
def engine(request: pytest.FixtureRequest) -> Iterator[StrictAws]:
    """Both engines under the strict double."""
    with strict_aws(memory=Memory() if request.param == "memory" else None) as active:
        yield active


def lose(engine: StrictAws, operation: str) -> None:
    """The next call of an operation happens, and its answer is lost."""
    engine.reset(Plan((Fault(operation, 0, LOST),)))


def test_a_lease_that_was_taken_is_held(engine: StrictAws) -> None:
    job = new_job("job", created_at=1, lives={LEAF: 1}, activities=1, about={})
    assert dynamo.transact(jobs.creation(job))
    lose(engine, "UpdateItem")
    assert jobs.lease(job.id, owner="a", now=10, until=20) == job
    assert engine.calls == ["UpdateItem", "UpdateItem"]
    assert jobs.lease(job.id, owner="b", now=15, until=30) is None


def test_a_note_that_was_removed_was_there(engine: StrictAws) -> None:
    notes.save(LEAF, 0, NOTE)
    lose(engine, "DeleteItem")
    assert notes.remove(LEAF, 0, NOTE.id)
    assert not notes.remove(LEAF, 0, NOTE.id)


def test_a_belonging_that_was_ended_was_there(engine: StrictAws) -> None:
    contacts.join_record(LEAF, 0, ACME, received_at=1)
    lose(engine, "DeleteItem")
    assert records.part(LEAF, 0, ACME)
    assert not records.part(LEAF, 0, ACME)


def test_a_transaction_happened_once_and_says_so(engine: StrictAws) -> None:
    put = {"TableName": settings().profiles_table, "Item": dynamo.key_of((LEAF, "x"))}
    actions = [{"Put": put | {"ConditionExpression": "attribute_not_exists(pk)"}}]
    lose(engine, "TransactWriteItems")
    assert dynamo.transact(actions)
    assert not dynamo.transact(actions)


def test_a_compare_and_swap_that_meets_itself_is_looked_after_by_whoever_swaps(engine: StrictAws) -> None:
    """It says that it lost; what is read again shows the change, and it is made once."""
    before = leaves.load(LEAF)
    lose(engine, "*")
    assert not leaves.commit(before, before)
    assert leaves.load(LEAF).version == 1
