"""The official Python SDK, unmodified, with odd values, against `make run`."""

import datetime
import json
import uuid
from typing import Any

import pytest
from segment.analytics.client import Client

from tests.e2e.running import Running, wait_for

pytestmark = pytest.mark.e2e


class Person:
    """One visitor who becomes a user; remembers the message ids of activities."""

    def __init__(self, running: Running) -> None:
        name = uuid.uuid4().hex[:8]
        self.user, self.visitor = f"user-{name}", f"visitor-{name}"
        self.path = f"/profiles/user_id%3A{self.user}"
        self.activities: list[str] = []
        self.client = Client("local-write-key", host=f"http://127.0.0.1:{running.port}", on_error=self._fail)

    def _fail(self, error: Exception, _: Any) -> None:
        raise error

    def activity(self) -> str:
        """A message id that must show exactly once."""
        self.activities.append(str(uuid.uuid4()))
        return self.activities[-1]


def test_every_call_of_the_sdk_reaches_the_right_profile_once_and_intact(running: Running) -> None:
    person = Person(running)
    client, user, visitor = person.client, person.user, person.visitor
    odd = {
        "big": 10**30, "tiny": 1e-300, "nested": {"a": [1, {"b": [None, True]}]}, "nothing": None, "text": "\0žluťoučký 🐎",
        "date": datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.UTC), "nan": float("nan"),
    }  # fmt: skip
    client.page(anonymous_id=visitor, name="Home", properties={"url": "https://x.y/"}, message_id=person.activity())
    client.track(anonymous_id=visitor, event="Odd Values", properties=odd, message_id=person.activity())
    client.identify(user, traits={"email": f"{user}@example.com", "age": 30}, anonymous_id=visitor)
    client.track(user, "Order Completed", {"total": 19.90}, message_id=person.activity())
    client.screen(user, "Start", message_id=person.activity())
    client.group(user, "acme", {"name": "Acme"})
    client.alias(f"{visitor}-2", user)
    client.track(anonymous_id=f"{visitor}-2", event="Before Alias", message_id=person.activity())
    client.flush()
    client.join()
    wait_for(lambda: _total(running, person) == len(person.activities))
    profile = running.get(person.path).json
    assert profile["contact"] == {"email": f"{user}@example.com", "custom": {"age": 30}}
    assert {one["value"] for one in profile["identities"]} == {user, visitor, f"{visitor}-2"}
    shown = running.get(f"{person.path}/activities?limit=100").json["items"]
    assert sorted(one["message_id"] for one in shown) == sorted(person.activities)
    (properties,) = [one["properties"] for one in shown if one["type"] == "odd_values"]
    assert properties == odd | {"date": "2026-01-02T03:04:05+00:00", "nan": None}


def _total(running: Running, person: Person) -> int:
    answer = running.get(person.path)
    return int(answer.json["activity_counts"]["total"]) if answer.status == 200 else 0


def test_a_deleted_person_is_gone_at_once_and_the_job_can_be_asked(running: Running) -> None:
    person = Person(running)
    person.client.track(person.user, "Seen", message_id=person.activity())
    person.client.join()
    wait_for(lambda: _total(running, person) == 1)
    headers = {"Authorization": "Bearer local-admin-key"}
    answer = running.request("DELETE", person.path, headers=headers)
    assert answer.status == 202
    assert running.get(person.path).status == 404
    again = running.request("DELETE", person.path, headers=headers)
    assert again.json["job_id"] == json.loads(answer.body)["job_id"]
    wait_for(lambda: running.get(f"/jobs/{answer.json['job_id']}").json["status"] == "waiting")
