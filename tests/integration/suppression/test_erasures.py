"""Suppression together with erasures, their lifts and restores."""

import pytest

from cdp_core.domain.identity import MAX_LEAVES
from cdp_core.usecases import jobs
from cdp_core.usecases.check import examine
from cdp_core.wire.segment import reread
from tests.double import StrictAws, strict_aws
from tests.double.memory import Memory
from tests.integration.suppression.asking import DAY, WHO, Clock, fill, finish, later
from tests.integration.test_profiles_api import call, page
from tests.integration.test_restore import copy, put_back
from tests.support.product import batch, drain_all, seed_keys, user, visitor


@pytest.mark.usefixtures("_keys")
def test_an_erasure_with_suppression_is_one_transaction_and_the_tombstone_stays(aws: StrictAws) -> None:
    """SUPPRESS_WITH_DELETE, D7: nothing old, and nothing new either."""
    fill()
    batch(page("queued", userId="42"))
    job = call("DELETE", "/profiles/user_id%3A42?reason=request&suppress=true")[1]
    assert job["request"] == {"reason": "request", "requested_by": "key:first", "suppress": True}
    (listed,) = call("GET", "/suppressions")[1]["items"]
    assert (listed["erasure"], set(listed["hashes"])) == (job["job_id"], {user("42").id, visitor("anon").id})
    later()
    batch(page("u2", userId="42"), page("v2", anonymousId="anon"))
    counts = drain_all()
    assert (counts["erased"], counts["suppressed"]) == (1, 2)
    finish(job["job_id"])
    assert aws.items("activities") == []
    assert {user("42").ttl, visitor("anon").ttl} == {None}
    later(40 * DAY)
    batch(page("u3", userId="42"))
    assert drain_all()["suppressed"] == 1
    assert not examine(user("42").id) | examine(visitor("anon").id)


@pytest.mark.usefixtures("_keys")
def test_a_lift_lets_the_tombstone_expire_once_the_erasure_is_over_and_the_person_may_come_back() -> None:
    """The TTL comes 35 days behind the last thing that may name it; what comes takes it off again."""
    fill()
    job = call("DELETE", "/profiles/user_id%3A42?suppress=true")[1]["job_id"]
    finish(job)
    call("DELETE", f"/suppressions/{user('42').id}")
    assert user("42").ttl == visitor("anon").ttl == (Clock.now + 35 * DAY) // 1000
    assert user("42").suppressions[0][1] == Clock.now
    later()
    batch(page("new", userId="42"))
    drain_all()
    assert (user("42").ttl, user("42").counts, user("42").epoch) == (None, {"pagevisit": 1}, 1)
    assert not examine(user("42").id)


@pytest.mark.usefixtures("_keys")
def test_a_lift_while_the_erasure_runs_leaves_the_ttl_to_its_last_step() -> None:
    """A tombstone that vanished before the second sweep would leave rows behind."""
    fill()
    job = call("DELETE", "/profiles/user_id%3A42?suppress=true")[1]["job_id"]
    jobs.work_jobs(lambda: 60_000, reread)
    call("DELETE", f"/suppressions/{user('42').id}")
    assert user("42").ttl is None
    finish(job)
    assert user("42").ttl is not None


@pytest.mark.usefixtures("_keys")
def test_a_leaf_that_was_only_ever_suppressed_expires_after_the_lift_and_can_be_woken() -> None:
    """It was never erased: its epoch is 0."""
    call("POST", "/suppressions", WHO)
    later()
    call("DELETE", f"/suppressions/{user('42').id}")
    assert user("42").ttl is not None
    later()
    batch(page("p", userId="42"), {"type": "track", "messageId": "bad", "userId": "42"})
    drain_all()
    assert (user("42").ttl, user("42").counts) == (None, {"pagevisit": 1})


@pytest.mark.usefixtures("_keys")
def test_an_erasure_without_suppression_keeps_the_one_that_stands() -> None:
    """Its list entry and its interval are not the erasure's to end."""
    fill()
    made = call("POST", "/suppressions", WHO)[1]
    later()
    job = call("DELETE", "/profiles/user_id%3A42")[1]["job_id"]
    finish(job)
    assert call("GET", "/suppressions")[1]["items"] == [made]
    batch(page("p", userId="42"))
    assert drain_all()["suppressed"] == 1


@pytest.mark.usefixtures("_keys")
def test_a_repeated_erasure_that_asks_for_suppression_now_gets_it() -> None:
    """The same job, and all leaves of it."""
    fill()
    job = call("DELETE", "/profiles/user_id%3A42")[1]["job_id"]
    later()
    assert call("DELETE", "/profiles/user_id%3A42?suppress=true")[1]["job_id"] == job
    (listed,) = call("GET", "/suppressions")[1]["items"]
    assert set(listed["hashes"]) == {user("42").id, visitor("anon").id}
    later()
    batch(page("u2", userId="42"), page("v2", anonymousId="anon"))
    assert drain_all()["suppressed"] == 2


@pytest.mark.usefixtures("_keys")
def test_a_bulk_erasure_suppresses_each_profile_by_itself() -> None:
    """Lifting one of a group lifts nobody else."""
    batch(*(page(f"p{n}", userId=f"user-{n}") for n in range(60)))
    drain_all()
    later()
    ids = [f"user_id:user-{n}" for n in range(60)]
    asked = {"ids": ids, "reason": "test_data", "suppress": True}
    status, job = call("POST", "/profiles/bulk-delete", asked)
    assert (status, job["request"]["reason"], job["request"]["suppress"]) == (202, "test_data", True)
    finish(job["job_id"])
    assert len(call("GET", "/suppressions?limit=100")[1]["items"]) == 60
    call("DELETE", f"/suppressions/{user('user-7').id}")
    later()
    batch(page("q7", userId="user-7"), page("q8", userId="user-8"))
    assert drain_all()["suppressed"] == 1
    assert user("user-7").counts == {"pagevisit": 1}


def test_the_largest_profile_is_suppressed_erased_with_suppression_and_lifted_in_one_transaction_each() -> None:
    """90 leaves, 100 actions a transaction; in bulk too."""
    with strict_aws(memory=Memory()):
        seed_keys()
        for n in range(MAX_LEAVES - 1):
            batch(page(f"p{n}", userId="42", anonymousId=f"anon-{n}"))
        drain_all()
        later()
        made = call("POST", "/suppressions", WHO)[1]
        assert len(made["hashes"]) == MAX_LEAVES
        assert call("DELETE", f"/suppressions/{made['hash']}")[0] == 200
        later()
        asked = {"ids": ["user_id:nobody", "user_id:42"], "suppress": True}
        job = call("POST", "/profiles/bulk-delete", asked)[1]["job_id"]
        jobs.work_jobs(lambda: 60_000, reread)
        assert jobs.job_view(job)["status"] == "waiting"
        (listed,) = call("GET", "/suppressions")[1]["items"]
        assert len(listed["hashes"]) == MAX_LEAVES


@pytest.mark.usefixtures("_keys")
def test_a_replay_after_a_restore_suppresses_who_was_erased_with_suppression(aws: StrictAws) -> None:
    """D8: the ledger keeps it, with the reason and who asked."""
    fill()
    backup = copy(aws)
    job = call("DELETE", "/profiles/user_id%3A42?reason=request&suppress=true")[1]["job_id"]
    finish(job)
    listed = call("GET", "/suppressions")[1]["items"]
    put_back(aws, backup)
    assert call("GET", "/suppressions")[1]["items"] == []
    call("POST", "/erasures/replay")
    jobs.work_jobs(lambda: 60_000, reread)
    assert call("GET", "/suppressions")[1]["items"] == listed
    batch(page("p", userId="42"))
    assert drain_all()["suppressed"] == 1
    finish(job)
    assert call("GET", f"/erasures/{job}")[1]["reason"] == "request"
