"""Segment's Profile API over a socket, asked as Segment's own examples and tools ask: curl's Basic user, raw paths, links followed."""

import http.client
import json
from collections.abc import Iterator
from threading import Thread
from typing import Any
from urllib.parse import quote

import pytest
from werkzeug.serving import BaseWSGIServer, make_server

from cdp_core import clock
from cdp_core.domain.times import iso
from cdp_core.errors import Unavailable
from cdp_core.usecases import profiles
from tests.double import StrictAws
from tests.support.product import ADMIN_KEY, SECRET_KEY, basic, batch, drain_all, seed_keys, user
from tests.support.wsgi import profiles_api

SPACE = "/v1/spaces/lgJ4AAjFN4/collections"
USERS, ACCOUNTS = f"{SPACE}/users/profiles", f"{SPACE}/accounts/profiles"


@pytest.fixture(autouse=True)
def _keys(aws: StrictAws) -> None:
    seed_keys()


@pytest.fixture(name="server")
def _server() -> Iterator[BaseWSGIServer]:
    server = make_server("127.0.0.1", 0, profiles_api)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


class Tool:
    """What these tools are built on: `curl <address> -u <token>:`, every path exactly as it is written."""

    def __init__(self, server: BaseWSGIServer, key: str = ADMIN_KEY) -> None:
        self.port, self.key = server.port, key

    def ask(self, path: str, *, method: str = "GET", body: Any = None) -> tuple[int, Any, Any]:
        """Status, decoded answer and headers."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        data = None if body is None else json.dumps(body)
        connection.request(method, path, data, {"Authorization": basic(self.key), "Content-Type": "application/json"})
        response = connection.getresponse()
        answer = json.loads(response.read())
        connection.close()
        return response.status, answer, response.headers

    def get(self, path: str) -> Any:
        """The answer to a request that succeeds."""
        status, answer, headers = self.ask(path)
        assert status == 200, answer
        assert headers["Request-Id"]
        return answer

    def walk(self, path: str, limit: int) -> list[Any]:
        """The whole of a list, as clients follow it: `next` while there is more."""
        found, after = [], ""
        while True:
            part = self.get(f"{path}?limit={limit}{after}")
            found += part["data"]
            if not part["cursor"]["has_more"]:
                return found
            after = f"&next={quote(part['cursor']['next'])}"

    def delete(self, name: str, *ids: tuple[str, str]) -> tuple[int, str]:
        """The status and error code of a removal of external ids (type, id)."""
        body = {"delete_external_ids": [{"type": kind, "id": value} for kind, value in ids]}
        status, answer, _ = self.ask(f"{USERS}/{name}/external_ids/delete", method="POST", body=body)
        return status, answer.get("error", {}).get("code", "")

    def ids(self, name: str) -> set[tuple[str, str]]:
        """The external ids (type, id) of a profile."""
        return {(one["type"], one["id"]) for one in self.get(f"{USERS}/{name}/external_ids?limit=100")["data"]}


@pytest.fixture(name="tool")
def _tool(server: BaseWSGIServer) -> Tool:
    return Tool(server)


def say(*events: dict[str, Any]) -> None:
    """Sends events and lets a flush pass."""
    assert batch(*events, key=SECRET_KEY) == 200
    drain_all()


def group(user_id: str, account: str) -> dict[str, Any]:
    """Somebody's belonging to an account."""
    return {"type": "group", "messageId": f"g-{user_id}-{account}", "userId": user_id, "groupId": account}


@pytest.mark.parametrize("name", ["user_id:42", "user_id%3A42", "email:ann%2Bnews@example.com"])
def test_every_request_of_the_reference_is_answered_whether_the_colon_is_encoded_or_not(tool: Tool, name: str) -> None:
    """P-01 to P-05 with the parameters that the reference shows."""
    at = iso(clock.now_ms() - 3_600_000)
    traits = {"email": "ann+news@example.com", "first_seen": "2015-11-16", "friend_count": 29}
    say(
        {"type": "identify", "messageId": "i", "userId": "42", "traits": traits, "timestamp": at},
        {"type": "track", "messageId": "t", "userId": "42", "event": "Order Completed", "timestamp": at},
        group("42", "acme"),
    )
    at_profile = f"{USERS}/{name}"
    assert tool.get(f"{at_profile}/traits?limit=100&include=friend_count,email")["traits"] == {
        "email": "ann+news@example.com",
        "friend_count": 29,
    }
    assert tool.get(f"{at_profile}/traits?verbose=true")["traits"]["friend_count"]["value"] == 29
    ids = tool.get(f"{at_profile}/external_ids?verbose=true&limit=25&include=user_id,email")["data"]
    assert [one["id"] for one in ids] == ["42", "ann+news@example.com"]
    events = tool.get(f"{at_profile}/events?limit=20&include=Order%20Completed&sort=desc")["data"]
    assert [one["event"] for one in events] == ["Order Completed"]
    assert tool.get(f"{at_profile}/metadata?verbose=true")["metadata"]["last_message_id"] == "t"
    (link,) = tool.get(f"{at_profile}/links?limit=20")["data"]
    assert link["external_ids"][0]["id"] == "acme"


def test_links_lead_on_until_there_are_no_more_and_back_again(tool: Tool) -> None:
    """P-05: more than one answer holds, from both sides; a person in an account through two identifiers stands there once."""
    say(*(group("ann", f"a{number:02}") for number in range(25)), *(group(f"u{n}", "a00") for n in range(6)))
    say({"type": "group", "messageId": "v", "anonymousId": "c", "groupId": "a00"})
    say({"type": "identify", "messageId": "i", "anonymousId": "c", "userId": "ann"})
    accounts = [link["external_ids"][0]["id"] for link in tool.walk(f"{USERS}/user_id:ann/links", 10)]
    assert accounts == [f"a{number:02}" for number in range(25)]
    people = [link["external_ids"] for link in tool.walk(f"{ACCOUNTS}/group_id:a00/links", 2)]
    assert len(people) == 7
    for ids in people:
        assert tool.get(f"{USERS}/{ids[0]['type']}:{ids[0]['id']}/metadata")
    assert {(one["type"], one["id"]) for one in next(ids for ids in people if len(ids) > 1)} == {
        ("user_id", "ann"),
        ("anonymous_id", "c"),
    }
    assert (
        tool.ask(f"{USERS}/user_id:u1/links?next={quote(tool.get(f'{USERS}/user_id:ann/links')['cursor']['next'])}")[0]
        == 400
    ), "a cursor is of one profile"


def test_links_hide_who_and_where_from_those_who_may_not_see_people(tool: Tool, server: BaseWSGIServer) -> None:
    """A person's accounts are hidden as in the overview; an account's people are profile ids, as in its list of contacts."""
    say(group("ann", "acme"))
    key = tool.ask("/admin-keys", method="POST", body={"name": "v", "role": "viewer"})[1]["key"]
    viewer = Tool(server, key)
    shown = viewer.get(f"{USERS}/user_id:ann/links")
    assert (shown["data"], shown["hidden"]) == ([], True)
    back = viewer.get(f"{ACCOUNTS}/group_id:acme/links")
    assert [(one["type"], one["id"]) for link in back["data"] for one in link["external_ids"]] == [
        ("profile_id", user("ann").id)
    ]
    assert "hidden" not in tool.get(f"{USERS}/user_id:ann/links")


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_p_06_an_identifier_and_one_below_it_are_removed_together_in_any_order(
    tool: Tool, order: tuple[int, int]
) -> None:
    """Each leads to a profile of its own then. None stays because its way to the root went first."""
    say(*({"type": "page", "messageId": f"p-{visitor}", "anonymousId": visitor} for visitor in "cd"))
    say(
        {"type": "identify", "messageId": "1", "userId": "ann", "anonymousId": "c"},
        {"type": "identify", "messageId": "2", "userId": "ben", "anonymousId": "d"},
    )
    assert tool.ask("/profiles/user_id%3Aann/merge", method="POST", body={"with": "user_id:ben"})[0] == 200
    below, above = ("ann", "ben") if user("ann").parent else ("ben", "ann")
    visitor, stays = ("c", "d") if below == "ann" else ("d", "c")
    wanted = [("user_id", below), ("anonymous_id", visitor)]
    assert tool.delete(f"user_id:{above}", *(wanted[at] for at in order), wanted[0]) == (200, "")
    assert tool.ids(f"user_id:{above}") == {("user_id", above), ("anonymous_id", stays)}
    assert tool.ids(f"user_id:{below}") == {("user_id", below)}
    assert tool.ids(f"anonymous_id:{visitor}") == {("anonymous_id", visitor)}


def test_p_04_what_was_said_last_is_an_update_too(tool: Tool) -> None:
    """Never before the profile was made, and moved by traits that no event counts."""
    at = [iso(clock.now_ms() + minutes * 60_000) for minutes in (-60, 5)]
    say({"type": "page", "messageId": "p", "userId": "ann", "timestamp": at[0]})
    shown = tool.get(f"{USERS}/user_id:ann/metadata")["metadata"]
    assert shown["updated_at"] == shown["created_at"]
    say({"type": "identify", "messageId": "i", "userId": "ann", "traits": {"plan": "pro"}, "timestamp": at[1]})
    assert tool.get(f"{USERS}/user_id:ann/metadata")["metadata"]["updated_at"] == at[1]


def test_p_03_an_event_names_ten_identifiers_at_most(tool: Tool) -> None:
    """So that a hundred events of somebody with ninety long identifiers stay within Lambda's answer."""
    say(
        *(
            {"type": "identify", "messageId": f"i{number}", "userId": "ann", "anonymousId": f"c{number}"}
            for number in range(14)
        )
    )
    say({"type": "track", "messageId": "t", "userId": "ann", "event": "Seen"})
    (event,) = tool.get(f"{USERS}/user_id:ann/events")["data"]
    assert len(event["external_ids"]) == 10
    assert event["external_ids"][0]["id"] == "ann"
    assert len(tool.ids("user_id:ann")) == 15


@pytest.mark.parametrize(("error", "status", "code"), [(Unavailable("x"), 503, "unavailable"), (ZeroDivisionError(), 500, "internal_error")])  # fmt: skip
def test_our_own_trouble_is_not_called_the_tools_fault(
    tool: Tool, monkeypatch: pytest.MonkeyPatch, error: Exception, status: int, code: str
) -> None:
    """A tool that retries what is retryable must not read of an invalid request."""
    say({"type": "page", "messageId": "p", "userId": "ann"})

    def fail(_: Any) -> Any:
        raise error

    monkeypatch.setattr(profiles, "load", fail)
    answered, answer, headers = tool.ask(f"{USERS}/user_id:ann/traits")
    assert (answered, answer["error"]["code"]) == (status, code)
    assert headers["Request-Id"]
