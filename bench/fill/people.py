"""Made-up people and what they did: the same ones for the same seed, so that a second run adds nothing."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

START = datetime(2026, 8, 1, tzinfo=UTC)
DAYS = 90
_FIRST = "Ann Ben Cid Dana Ema Filip Greta Hana Ivan Jana Karel Lea Max Nora Ota Petra Rosa Šimon Tereza Uwe Věra Wanda Zoë Žofie 太郎 花子".split()
_LAST = "Heron Lark Finch Wren Robin Swift Crane Novák Dvořáková Müller Sørensen García Ó'Brien Kowalski Петров 山田".split()
_CITIES = "Brno Praha Wien Berlin Oslo Madrid Dublin Kraków Tokyo Graz".split()
_PAGES = "/ /pricing /trips /trips/alps /trips/sea /blog /blog/packing /contact /about /cart".split()
_COMPANIES = [f"company-{number:03d}" for number in range(200)]


def events(profiles: int, seed: int, first: int = 0) -> Iterator[list[dict[str, Any]]]:
    """Each person's events, one list a person, from the person of number `first` on."""
    for number in range(first, profiles):
        yield _person(number, random.Random(f"{seed}/{number}"))


def last_of(profiles: int, seed: int) -> tuple[str, str]:
    """An identifier of the last person, to see when everything has arrived: kind and value."""
    event = next(iter(events(profiles, seed, profiles - 1)))[-1]
    return ("user_id", event["userId"]) if "userId" in event else ("anonymous_id", event["anonymousId"])


def _person(number: int, dice: random.Random) -> list[dict[str, Any]]:
    """Of ten people six are visitors, two are users, two are members; some of them buy, work somewhere, fill in forms."""
    who = _Person(number, dice)
    visits = [who.page(day) for day in sorted(dice.sample(range(DAYS), dice.randint(1, 3)))]
    kind = number % 10
    if kind < 6:
        return visits
    told = [who.tells()]
    if kind >= 8:
        told.append(who.registers())
    if dice.random() < 0.3:
        told.append(who.buys())
    if dice.random() < 0.2:
        told.append(who.works_at())
    return [*visits, *told]


class _Person:
    def __init__(self, number: int, dice: random.Random) -> None:
        self.number, self.dice, self.made = number, dice, 0
        self.first, self.last = dice.choice(_FIRST), dice.choice(_LAST)
        self.day = 0

    def page(self, day: int) -> dict[str, Any]:
        path = self.dice.choice(_PAGES)
        self.day = day
        url = f"https://shop.example.com{path}"
        page = {"type": "page", "anonymousId": self.visitor, "name": path.strip("/") or "Home"}
        return self._event(page | {"properties": {"url": url, "path": path, "title": path}})

    def tells(self) -> dict[str, Any]:
        traits = {
            "firstName": self.first,
            "lastName": self.last,
            "email": self.email,
            "plan": self.dice.choice(("free", "pro")),
        }
        traits |= {"address": {"city": self.dice.choice(_CITIES)}, "age": self.dice.randint(18, 90)}
        return self._event({"type": "identify", "userId": self.user, "anonymousId": self.visitor, "traits": traits})

    def registers(self) -> dict[str, Any]:
        properties = {"name": f"{self.first} {self.last}", "email": self.email}
        return self._event(
            {"type": "track", "event": "memberregistration", "userId": self.user, "properties": properties}
        )

    def buys(self) -> dict[str, Any]:
        properties = {"total": self.dice.randint(5, 500), "customer_id": f"C-{self.number}"}
        return self._event({"type": "track", "event": "Order Completed", "userId": self.user, "properties": properties})

    def works_at(self) -> dict[str, Any]:
        company = self.dice.choice(_COMPANIES)
        return self._event(
            {"type": "group", "userId": self.user, "groupId": company, "traits": {"name": company.title()}}
        )

    @property
    def user(self) -> str:
        return f"fill-{self.number}"

    @property
    def visitor(self) -> str:
        return f"fill-visitor-{self.number}"

    @property
    def email(self) -> str:
        return f"person{self.number}@example.com"

    def _event(self, event: dict[str, Any]) -> dict[str, Any]:
        self.made += 1
        at = START + timedelta(days=self.day, seconds=self.number % 86_400, milliseconds=self.made)
        return event | {"messageId": f"fill-{self.number}-{self.made}", "timestamp": at.isoformat()}
