"""Past the limit of discovered types, an event of an unknown name costs what any other event costs."""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from cdp_core import clock
from cdp_core.domain.catalogue import ActivityType
from cdp_core.tables import catalogue
from tests.double import strict_aws
from tests.double.memory import Memory
from tests.support.product import batch, drain_all, seed_keys, user

START = 1_900_000_000_000


class Clock:
    """The time of this test (ms)."""

    now = START


asked: Counter[str] = Counter()


def looks() -> Counter[str]:
    """How often the catalogue was asked for room, and for all of its types, since the last time."""
    found = Counter(asked)
    asked.clear()
    return found


@pytest.fixture(autouse=True)
def _world(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A deployment that may have two types."""
    Clock.now = START
    monkeypatch.setattr(clock, "now_ms", lambda: Clock.now)
    for name in ("discover_type", "discovered_types"):
        monkeypatch.setattr(catalogue, name, _counted(name, getattr(catalogue, name)))
    with strict_aws(memory=Memory(), MAX_DISCOVERED_TYPES="2"):
        seed_keys()
        say("First", "1")
        looks()
        yield


def _counted(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
    def count(*arguments: Any, **options: Any) -> Any:
        asked[name] += 1
        return real(*arguments, **options)

    return count


def say(name: str, person: str, *more: str) -> Counter[str]:
    """A person does something, and some others do it too; the flush has seen it."""
    events = [
        {"type": "track", "event": name, "userId": one, "messageId": f"{name}-{one}-{Clock.now}"}
        for one in (person, *more)
    ]
    batch(*events)
    return drain_all()


def test_a_new_name_is_discovered_once_however_many_people_say_it() -> None:
    """Rows are grouped by type before anybody asks."""
    say("Second", *(f"other{n}" for n in range(30)))
    assert looks() == {"discover_type": 1}
    assert user("other7").counts == {"second": 1}


def test_many_unknown_names_ask_for_room_once_a_minute() -> None:
    """The names that are known are counted by their own type meanwhile."""
    say("Second", "1")
    looks()
    say("Third", "1", *(f"other{n}" for n in range(30)))
    assert looks() == {"discover_type": 1, "discovered_types": 1}
    Clock.now += 1_000 * catalogue.CACHE_SECONDS - 1
    say("Fourth", "1")
    say("First", "1")
    assert looks() == {}
    assert user("1").counts == {"first": 2, "second": 1, "custom": 2}
    Clock.now += 1
    say("Fifth", "1")
    assert looks() == {"discover_type": 1, "discovered_types": 1}


def test_a_type_that_an_admin_defines_past_the_limit_is_seen_within_a_minute() -> None:
    """A changed definition holds no later than CACHE_SECONDS."""
    say("Second", "1")
    say("Third", "1")
    catalogue.save_type(ActivityType(code_name="third", name="Third"))
    Clock.now += 1_000 * catalogue.CACHE_SECONDS
    say("Third", "2")
    assert user("2").counts == {"third": 1}
