"""A batch regrouped by leaf: who asks what."""

from cdp_core.domain.envelope import Envelope, Event, envelope_key
from cdp_core.domain.identity import Identifier
from cdp_core.domain.registration import on_registered
from cdp_core.domain.work import Rules, regroup

RECEIVED = 1_704_067_200_000


def leaf_of(identifier: Identifier) -> str:
    """A leaf's name that a person can read."""
    return str(identifier)


RULES = Rules(leaf_of, on_registered)


def envelope(*events: Event, salt: bytes = b"aaaaaa") -> Envelope:
    """An envelope with these events."""
    key = envelope_key(RECEIVED, salt)
    return Envelope(key=key, received_at=RECEIVED, channel="web", write_key="k", legal_basis="b", events=events)


def page(message_id: str = "m1", *, user_id: str | None = None, anonymous_id: str | None = None) -> Event:
    """A page event."""
    return Event(type="page", message_id=message_id, user_id=user_id, anonymous_id=anonymous_id, time=RECEIVED)


def test_an_event_with_both_ids_is_stored_under_the_user_and_asks_for_a_link() -> None:
    """Design section 5."""
    works, _ = regroup([envelope(page(user_id="42", anonymous_id="a"))], RULES)
    (work,) = works.values()
    (share,) = work.shares.values()
    assert work.leaf == "user_id:42"
    assert [(link.child, link.message_id) for link in share.links] == [("anonymous_id:a", "m1")]


def test_the_same_event_twice_in_an_envelope_is_one_row() -> None:
    """Protocol: listmine counts it twice."""
    works, _ = regroup([envelope(page(user_id="42"), page(user_id="42"))], RULES)
    assert len(next(iter(works["user_id:42"].shares.values())).rows) == 1


def test_the_same_envelope_delivered_twice_is_one_share() -> None:
    """SQS delivers at least once."""
    works, _ = regroup([envelope(page(user_id="42"))] * 2, RULES)
    assert len(works["user_id:42"].shares) == 1


def test_an_alias_links_the_previous_anonymous_id_and_never_a_user() -> None:
    """Two known users are linked by an admin only."""
    alias = Event(type="alias", message_id="m", user_id="42", body={"previous_id": "41"})
    works, _ = regroup([envelope(alias)], RULES)
    (share,) = works["user_id:42"].shares.values()
    assert [link.child for link in share.links] == ["anonymous_id:41"]


def test_blocked_identifiers_name_nobody() -> None:
    """`null` on a shared page must not become one giant person."""
    works, _ = regroup([envelope(page(user_id="null", anonymous_id="a"))], RULES)
    assert list(works) == ["anonymous_id:a"]


def test_an_event_that_cannot_be_applied_costs_its_neighbours_nothing() -> None:
    """A poison event is set aside with its place."""
    broken = Event(type="group", message_id="m", user_id="42", body={})
    works, failures = regroup([envelope(page(user_id="1"), broken, page("m2", user_id="2"))], RULES)
    assert list(works) == ["user_id:1", "user_id:2"]
    assert [failure.index for failure in failures] == [1]


def test_group_traits_are_the_accounts_and_never_the_contacts() -> None:
    """Design section 4."""
    group = Event(type="group", message_id="m", user_id="42", body={"group_id": "acme", "traits": {"name": "Acme"}})
    works, _ = regroup([envelope(group)], RULES)
    (share,) = works["user_id:42"].shares.values()
    assert share.registers == {}
    assert share.records["account", "acme"]["name"].value == "Acme"
