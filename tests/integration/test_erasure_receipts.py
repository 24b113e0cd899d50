"""Receipts of erasures: signed, chained, without personal data, issued once, and verified against the stores themselves."""

import json
from typing import Any

import pytest

from cdp_core import clock
from cdp_core.config import settings
from cdp_core.domain.activity import Row
from cdp_core.domain.audit import KEPT_MS
from cdp_core.domain.consent import consent_key
from cdp_core.domain.contact import Register
from cdp_core.domain.identity import Identifier
from cdp_core.errors import Unavailable
from cdp_core.tables import activities, consents, contacts, dynamo, erasure_receipts, leaves
from cdp_core.tables import jobs as stored_jobs
from cdp_core.usecases import erasure_receipts as issuing
from cdp_core.usecases import jobs
from cdp_core.usecases.erase import request_erasure
from cdp_core.wire.segment import reread
from tests.double import Fault, Plan, StrictAws, strict_aws
from tests.double.faults import LOST, RAISE_AFTER, RAISE_BEFORE, Died
from tests.double.memory import Memory
from tests.integration.test_profiles_api import call, identify, page
from tests.support.product import batch, drain_all, seed_keys, user, visitor

START = 1_900_000_000_000
DAY = 86_400_000


class Clock:
    """The time of this test (ms)."""

    now = START


@pytest.fixture(autouse=True)
def _time(monkeypatch: pytest.MonkeyPatch) -> None:
    Clock.now = START
    monkeypatch.setattr(clock, "now_ms", lambda: Clock.now)


@pytest.fixture
def _keys(aws: StrictAws) -> None:
    seed_keys()


def fill(*names: str) -> None:
    """People with an address, a visitor and two activities each."""
    for name in names:
        batch(page(f"v-{name}", anonymousId=f"anon-{name}"))
        batch(page(f"u-{name}", userId=name, anonymousId=f"anon-{name}"), identify(name, email=f"{name}@b.c"))
    drain_all()
    Clock.now += 60_000


def work() -> None:
    """Works all jobs to their end."""
    for _ in range(6):
        jobs.work_jobs(lambda: 60_000, reread)
        Clock.now += settings().erasure_wait_seconds * 1000 + 100_000


def erase(name: str, query: str = "") -> str:
    """Erases somebody to the end; the job's id."""
    job = str(call("DELETE", f"/profiles/user_id%3A{name}{query}")[1]["job_id"])
    work()
    return job


def verify(job: str, body: Any = None) -> dict[str, Any]:
    """What a verification says."""
    status, found = call("POST", f"/erasures/{job}/verify", body)
    assert status == 200, found
    result: dict[str, Any] = found
    return result


@pytest.mark.usefixtures("_keys")
def test_a_receipt_says_what_why_when_and_by_whom_and_names_nobody() -> None:
    """Proof without personal data."""
    fill("ann")
    asked_at = Clock.now
    job = str(call("DELETE", "/profiles/user_id%3Aann?reason=withdrawn_consent")[1]["job_id"])
    assert call("GET", f"/erasures/{job}")[0] == 404
    assert call("POST", f"/erasures/{job}/verify")[0] == 404
    work()
    status, receipt = call("GET", f"/erasures/{job}")
    assert status == 200
    assert receipt["lives"] == [{"hash": user("ann").id, "life": 0}, {"hash": visitor("anon-ann").id, "life": 0}]
    assert (receipt["reason"], receipt["requested_by"], receipt["suppress"]) == (
        "withdrawn_consent",
        "key:first",
        False,
    )
    assert receipt["requested_at"] == "2030-03-17T17:47:40.000Z"
    assert asked_at == START + 60_000
    assert receipt["counts"] == call("GET", f"/jobs/{job}")[1]["receipt"]["counts"]
    assert list(receipt["phases"]) == sorted(["ledger", "sweep_1", "wait", "sweep_2", "expire"])
    times = [receipt["phases"][phase] for phase in ("ledger", "sweep_1", "wait", "sweep_2", "expire")]
    assert times == sorted(times)
    assert times[1] < times[2]
    assert (receipt["number"], receipt["previous"], len(receipt["code_version"])) == (1, None, 12)
    assert not {"ann", "anon-ann", "b.c"} & set(json.dumps(receipt).replace('"', " ").split())
    assert "ann" not in json.dumps(receipt).replace("anonymous", "")


@pytest.mark.usefixtures("_keys")
def test_a_verification_asks_for_every_key_again(aws: StrictAws) -> None:
    """What a sweep had left would be found, in every store."""
    fill("ann")
    job = erase("ann")
    found = verify(job)
    assert (found["verified"], found["remaining_total"], found["covers"]) == (True, 0, None)
    leaf = user("ann").id
    activities.put(leaf, 0, Row(time=START, message_id="left", type="pagevisit", envelope=bytes(12), body={}))
    contacts.save(
        contacts.load(contacts.contact_key(visitor("anon-ann").id, 0)),
        {"email": Register(value="x", time=1, source="s", message_id="m")},
    )
    before = aws.items("profiles"), aws.items("activities")
    found = verify(job)
    assert not found["verified"]
    assert (found["remaining"]["activities"], found["remaining"]["contact"], found["remaining_total"]) == (1, 1, 2)
    assert (found["signature_valid"], found["chain_valid"]) == (True, True)
    assert (aws.items("profiles"), aws.items("activities")) == before


@pytest.mark.usefixtures("_keys")
def test_identifiers_may_be_named_to_prove_whose_erasure_it_was_and_that_no_consent_is_left() -> None:
    """Consents lie under a hash that a receipt must not keep."""
    fill("ann", "bob")
    job = erase("ann")
    assert verify(job, {"ids": ["user_id:ann", "anonymous_id:anon-ann"]})["covers"] is True
    other = verify(job, {"ids": ["user_id:bob"]})
    assert (other["covers"], other["verified"]) == (False, False)
    left = consents.item_key(consent_key(Identifier("user_id", "ann")))
    item = dynamo.key_of(left) | {"ep": {"N": "0"}, "h": {"S": "[]"}}
    dynamo.call("PutItem", TableName=settings().profiles_table, Item=item)
    found = verify(job, {"ids": ["user_id:ann"]})
    assert (found["remaining"]["consents"], found["verified"]) == (1, False)
    for bad in ({"ids": ["email:a@b.c"]}, {"ids": ["x"]}, {"ids": ["user_id:1"] * 91}, {"other": 1}):
        assert call("POST", f"/erasures/{job}/verify", bad)[0] == 400, bad


@pytest.mark.usefixtures("_keys")
def test_a_receipt_that_somebody_changed_is_not_signed() -> None:
    """HMAC over the stored text, with a key that never leaves the functions."""
    fill("ann")
    job = erase("ann")
    _change(job, "text", lambda text: text.replace('"activities":2', '"activities":3'))
    found = verify(job)
    assert (found["signature_valid"], found["verified"]) == (False, False)


def _change(job: str, attribute: str, change: Any) -> None:
    key = (f"receipt#{job}", "receipt")
    item = dynamo.get(settings().profiles_table, key) or {}
    item[attribute] = {"S": change(item[attribute]["S"])}
    dynamo.call("PutItem", TableName=settings().profiles_table, Item=item)


@pytest.mark.usefixtures("_keys")
def test_receipts_are_one_chain_and_one_that_is_missing_or_replaced_is_noticed() -> None:
    """Each holds the digest of the one before."""
    fill("ann", "bob", "eve")
    first, second, third = (erase(name) for name in ("ann", "bob", "eve"))
    shown = [call("GET", f"/erasures/{job}")[1] for job in (first, second, third)]
    assert [one["number"] for one in shown] == [1, 2, 3]
    assert [one["previous"] and one["previous"]["digest"] for one in shown] == [
        None,
        *(one["digest"] for one in shown[:2]),
    ]
    assert all(verify(job)["chain_valid"] for job in (first, second, third))
    dynamo.delete_many(settings().profiles_table, [("receipts", "0000000002")])
    assert [verify(job)["chain_valid"] for job in (first, second, third)] == [False, False, False]


@pytest.mark.usefixtures("_keys")
def test_the_chain_holds_when_its_beginning_was_kept_long_enough() -> None:
    """25 months, then the TTL takes receipts away one by one."""
    fill("ann", "bob")
    first = erase("ann")
    Clock.now += 60 * DAY
    second = erase("bob")
    receipt = erasure_receipts.load(first)
    assert receipt is not None
    assert receipt.expires_at == receipt.issued_at + KEPT_MS
    dynamo.delete_many(settings().profiles_table, [("receipts", "0000000001"), (f"receipt#{first}", "receipt")])
    assert verify(second)["chain_valid"] is False
    Clock.now = receipt.expires_at + DAY
    assert verify(second)["chain_valid"] is True
    assert call("GET", f"/erasures/{first}")[0] == 404


@pytest.mark.usefixtures("_keys")
def test_two_erasures_that_end_at_once_keep_one_chain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compare-and-swap on the chain's end."""
    fill("ann", "bob", "eve")
    erase("eve")
    jobs_made = [str(call("DELETE", f"/profiles/user_id%3A{name}")[1]["job_id"]) for name in ("ann", "bob")]
    original = erasure_receipts.append

    def raced(receipt: Any, **about: Any) -> bool:
        monkeypatch.setattr(erasure_receipts, "append", original)
        other = next(one for one in jobs_made if one != receipt.erasure)
        job = stored_jobs.load(other)
        assert job is not None
        issuing.issue(job)
        return original(receipt, **about)

    monkeypatch.setattr(erasure_receipts, "append", raced)
    work()
    assert sorted(call("GET", f"/erasures/{job}")[1]["number"] for job in jobs_made) == [2, 3]
    assert all(verify(job)["chain_valid"] for job in jobs_made)


@pytest.mark.usefixtures("_keys")
def test_each_group_of_a_bulk_erasure_has_a_receipt() -> None:
    """The bulk job's own id says which."""
    fill("ann", "bob")
    job = call("POST", "/profiles/bulk-delete", {"ids": ["user_id:ann", "user_id:bob"], "reason": "inactive"})[1][
        "job_id"
    ]
    work()
    status, answer = call("GET", f"/erasures/{job}")
    assert (status, f"{job}-00000" in answer["error"]["message"]) == (404, True)
    receipt = call("GET", f"/erasures/{job}-00000")[1]
    assert (len(receipt["lives"]), receipt["reason"], receipt["requested_by"]) == (4, "inactive", "key:first")
    assert verify(f"{job}-00000")["verified"]


@pytest.mark.usefixtures("_keys")
def test_who_came_back_is_not_taken_for_what_was_erased() -> None:
    """A new life is another partition; after the tombstone expired it is the old number again, and is counted as such."""
    fill("ann")
    job = erase("ann")
    batch(page("again", userId="ann"))
    drain_all()
    assert verify(job)["verified"]
    fill("bob")
    other = erase("bob")
    dynamo.delete_many(settings().profiles_table, [(user("bob").id, "hot")])  # as its TTL does
    batch(page("again", userId="bob"))
    drain_all()
    found = verify(other)
    assert (found["verified"], found["begun_anew"]) == (True, 1)


@pytest.mark.usefixtures("_keys")
def test_only_who_may_erase_may_read_and_verify() -> None:
    """Scopes."""
    fill("ann")
    job = erase("ann")
    key = call("POST", "/admin-keys", {"name": "Editor", "role": "editor"})[1]["key"]
    assert call("GET", f"/erasures/{job}", key=key)[0] == 403
    assert call("POST", f"/erasures/{job}/verify", {}, key=key)[0] == 403
    assert call("GET", "/erasures/x")[0] == call("POST", "/erasures/x/verify", {})[0] == 404
    assert call("DELETE", "/profiles/user_id%3Aann?reason=because")[0] == 400
    assert call("POST", "/profiles/bulk-delete", {"ids": ["user_id:1"], "reason": "because"})[0] == 400


@pytest.mark.parametrize("kind", [RAISE_BEFORE, RAISE_AFTER, LOST])
def test_an_erasure_that_dies_at_any_call_has_exactly_one_receipt(kind: str) -> None:
    """Every call of the job: after the death the next slice goes on where it stood."""
    calls = _job_with(None)
    for nth in range(calls):
        _job_with(Fault("*", nth, kind))


def _job_with(fault: Fault | None) -> int:
    """Erases two people with one fault while their jobs run; how many calls the jobs made."""
    Clock.now = START
    with strict_aws(memory=Memory()) as aws:
        seed_keys()
        fill("ann", "bob")
        first, second = (request_erasure(f"user_id:{name}")["job_id"] for name in ("ann", "bob"))
        aws.reset(Plan((fault,) if fault else ()))
        for _ in range(8):
            try:
                jobs.work_jobs(lambda: 60_000, reread)
            except (Died, Unavailable):  # where not even the list of jobs can be read, Lambda reports the error
                assert fault is not None
            Clock.now += settings().erasure_wait_seconds * 1000 + 100_000
        made = len(aws.calls)
        links = erasure_receipts.links([1, 2, 3])
        assert {link.erasure for link in links.values()} == {first, second}, fault
        assert len(links) == 2, fault
        for job in (first, second):
            found = verify(job)
            assert found["verified"], (fault, found)
        assert {leaves.load(user(name).id).epoch for name in ("ann", "bob")} == {1}
    return made
