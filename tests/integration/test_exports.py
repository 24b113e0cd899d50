"""Exports: everything held on a person, compared with a walk over the tables; lists as files; nothing that a spreadsheet would run."""

import csv
import io
import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import boto3
import pytest

from cdp_core import clock
from cdp_core.domain.csv_cells import read_cell
from cdp_core.tables.codec import from_json
from cdp_core.usecases import exports
from cdp_core.usecases.jobs import work_jobs
from tests.double import Fault, Plan, StrictAws
from tests.double.faults import RAISE_AFTER, RAISE_BEFORE, Died
from tests.support.product import (
    ADMIN_KEY,
    SECRET_KEY,
    Context,
    batch,
    drain_all,
    function,
    request,
    seed_keys,
    user,
    visitor,
)

PATH = "/profiles/user_id%3A42"
NASTY = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    '=cmd|" /C calc"!A0',
    "＝1",
    "'=1",
    "''=1",
    "a\nb",
    'say "x"',
    "ok",
    "'",
]


@pytest.fixture(autouse=True)
def _keys(aws: StrictAws) -> None:
    seed_keys()


def raw(method: str, path: str, body: Any = None) -> tuple[int, str]:
    """An admin's request; status and text of the answer."""
    data = "" if body is None else json.dumps(body)
    event = request(method, path, data, authorization=f"Bearer {ADMIN_KEY}")
    answer = function("profiles_api").handler(event, Context())
    return answer["statusCode"], answer["body"]


def call(method: str, path: str, body: Any = None) -> tuple[int, Any]:
    """An admin's request; status and decoded answer."""
    status, text = raw(method, path, body)
    return status, from_json(text)


def say(*events: dict[str, Any], key: str = SECRET_KEY) -> None:
    """Sends events and lets a flush pass."""
    batch(*events, key=key)
    drain_all()


def fill() -> None:
    """A person of two identifiers with some of everything that can be held."""
    at = {"timestamp": "2026-01-02T03:04:05.678Z"}
    exact = {"price": 12345678901234567890}
    say({"type": "page", "messageId": "p1", "anonymousId": "c", "properties": {"url": "https://x.example/1"}, **at})
    say({"type": "track", "event": "Order Completed", "messageId": "o", "userId": "42", "properties": exact, **at})
    say({"type": "page", "messageId": "early", "userId": "42", "timestamp": "2090-01-01T00:00:00Z"})
    say({"type": "identify", "messageId": "i", "userId": "42", "anonymousId": "c", "traits": {"email": "a@b.cd"}, **at})
    say({"type": "group", "messageId": "g", "userId": "42", "groupId": "acme"})
    say(
        {"type": "track", "messageId": "refused", "userId": "42"},
        {"type": "track", "messageId": "ok", "userId": "42", "event": "E"},
    )
    call(
        "PATCH",
        PATH,
        {"contact": {"company": "Acme"}, "lock": ["email"], "owner": "Eve", "marketing_email": "opted_out"},
    )
    call("POST", f"{PATH}/notes", {"text": "Called about the invoice"})
    call("POST", "/consents", {"code_name": "news", "name": "News", "texts": {"en": {"short": "s", "full": "f"}}})
    event = request("POST", "/Kentico.Tracking/contacts/user_id%3A42/consents/news", '{"agree": true}')
    event["headers"] = {"authorization": f"Bearer {SECRET_KEY}"}
    assert function("profiles_api").handler(event, Context())["statusCode"] == 200


# Completeness

# What an item keeps for our own exactness and says nothing about a person; everything else must be in the export.
_OURS = {
    "hot": {"v", "ep", "ring", "hz", "lv", "ch", "li", "jb", "del", "sg"},
    "contact": {"v"},
    "consent": {"ep"},
    "dead": {"ttl", "write_key", "basis", "authority", "form"},
    "row": {"e", "p", "k", "c"},
}
_DERIVED = ("listing#", "links")  # made anew from the rest at any time


def test_an_export_holds_everything_that_a_walk_over_the_tables_finds(aws: StrictAws) -> None:
    """Every attribute of every item of the person's identifiers; a new kind of item must be added to the export, or fails here."""
    fill()
    exported = raw("GET", f"{PATH}/export")[1]
    for where, kind, name, value in _held(aws):
        for text in _texts(kind, name, value):
            assert text in exported, (where, name, text)


def _held(aws: StrictAws) -> Iterator[tuple[str, str, str, dict[str, Any]]]:
    leaves = {user("42").id, visitor("c").id}
    assert all(leaf.startswith(("u", "v")) for leaf in leaves)
    found = 0
    for table in ("profiles", "activities"):
        for item in aws.items(table):
            pk, sk = item["pk"]["S"], item["sk"]["S"]
            if not (pk.split("#")[0] in leaves or pk.startswith("consent#")):
                continue
            rest = sk.split("#", 2)[2] if sk.startswith("life#") else sk
            if rest.startswith(_DERIVED):
                continue
            found += 1
            kind = "row" if table == "activities" else rest.split("#")[0]
            kind = "dead" if sk.startswith("dead#") else kind
            assert kind in {"hot", "contact", "membership", "note", "row", "dead", "consent"}, f"{sk} is not exported"
            for name, value in item.items():
                if name not in ("pk", "sk") and name not in _OURS.get(kind, ()):
                    yield sk, kind, name, value
    assert found >= 10


def _texts(kind: str, name: str, value: dict[str, Any]) -> Iterator[str]:
    """What of an attribute must stand in the export."""
    ((form, plain),) = value.items()
    if name == "lk":
        at, _, message_id = plain.partition("#")
        yield from (_iso(int(at)), message_id)
    elif form == "S" and plain.startswith(("{", "[")):
        yield from (text for text in _leaves_of(from_json(plain)))
    elif form == "N" and len(plain) == 13:
        yield from [_iso(int(plain))]
    elif form in ("N", "S"):
        yield plain if form == "N" else json.dumps(plain, ensure_ascii=False)[1:-1]
    elif form == "SS" or form == "M":
        yield from plain


def _leaves_of(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name, inner in value.items():
            if name not in ("basis", "lb", "seen", "rank"):
                yield from _leaves_of(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves_of(inner)
    elif isinstance(value, int) and not isinstance(value, bool) and 10**12 < value < 10**13:
        yield _iso(value)
    elif isinstance(value, str) and len(value) > 2:
        yield json.dumps(value, ensure_ascii=False)[1:-1]
    elif isinstance(value, int | Decimal) and not isinstance(value, bool) and value > 100:
        yield str(value)


def _iso(millis: int) -> str:
    from cdp_core.domain.times import iso

    return iso(millis)


def test_an_export_says_it_in_the_same_words_as_the_profile_and_numbers_exactly() -> None:
    fill()
    exported = call("GET", f"{PATH}/export")[1]
    assert exported["profile"] == call("GET", PATH)[1]
    sections = {one["section"] for one in exported["items"]}
    assert sections == {"identity", "field", "membership", "note", "consent", "activity", "dead_letter"}
    activities = [one for one in exported["items"] if one["section"] == "activity"]
    assert len(activities) == exported["profile"]["activity_counts"]["total"] == 4
    assert "12345678901234567890" in raw("GET", f"{PATH}/export")[1]


def test_csv_and_json_hold_the_same_lines() -> None:
    fill()
    status, text = raw("GET", f"{PATH}/export?format=csv")
    lines = list(csv.DictReader(io.StringIO(text)))
    items = json.loads(raw("GET", f"{PATH}/export")[1])["items"]
    assert (status, len(lines)) == (200, len(items))
    assert [one["section"] for one in lines] == [one["section"] for one in items]
    assert [read_cell(one["name"]) for one in lines] == [one["name"] for one in items]


def test_nobody_else_is_in_it_and_an_unknown_person_has_none() -> None:
    fill()
    say({"type": "identify", "messageId": "x", "userId": "43", "traits": {"email": "other@b.cd"}})
    assert "other@b.cd" not in raw("GET", f"{PATH}/export")[1]
    assert raw("GET", "/profiles/user_id%3Anobody/export")[0] == 404
    assert call("POST", "/profiles/user_id%3Anobody/exports", {})[0] == 404


def test_what_is_too_much_for_one_answer_says_where_to_go(monkeypatch: pytest.MonkeyPatch) -> None:
    fill()
    monkeypatch.setattr(exports, "MAX_LINES", 5)
    status, answer = call("GET", f"{PATH}/export")
    assert (status, answer["error"]["code"]) == (400, "too_large")
    assert "exports" in answer["error"]["message"]


# Spreadsheets


@pytest.mark.parametrize("text", NASTY, ids=repr)
def test_no_cell_begins_like_a_formula_and_every_cell_is_read_back_as_it_was(text: str) -> None:
    """I12, by the standard reader."""
    say({"type": "identify", "messageId": "i", "userId": "42", "traits": {"firstName": text, "company": "x"}})
    body = raw("GET", f"{PATH}/export?format=csv")[1]
    rows = list(csv.reader(io.StringIO(body, newline="")))
    assert not [one for row in rows for one in row if one[:1] and one[0] in "=+-@\t\r\n＝＋－＠"]
    assert text in [read_cell(one) for row in rows for one in row]


# Files


def work(slices: int = 6) -> None:
    """The flush works off what is open."""
    for _ in range(slices):
        work_jobs(lambda: 40_000, lambda *_: None)  # type: ignore[arg-type, return-value]


def fetched(job_id: str) -> str:
    """All files of an export, one after the other."""
    status, found = call("GET", f"/exports/{job_id}")
    assert (status, found["status"]) == (200, "done"), found
    s3 = boto3.client("s3")
    keys = [f"exports/{job_id}/{one['name']}" for one in found["files"]]
    assert all("X-Amz-Expires=900" in one["url"] for one in found["files"])
    return "".join(s3.get_object(Bucket="cdp-bucket", Key=key)["Body"].read().decode() for key in keys)


def test_a_person_as_files_is_the_same_lines_part_by_part(monkeypatch: pytest.MonkeyPatch) -> None:
    fill()
    monkeypatch.setattr(exports, "PART_LINES", 1)
    expected = json.loads(raw("GET", f"{PATH}/export")[1])["items"]
    job = call("POST", f"{PATH}/exports", {"format": "json"})[1]
    assert call("GET", f"/exports/{job['job_id']}")[1]["files"] == []
    work()
    lines = [json.loads(line) for line in fetched(job["job_id"]).splitlines()]
    assert lines == expected
    done = call("GET", f"/jobs/{job['job_id']}")[1]
    assert done["receipt"]["counts"]["rows"] == len(lines) == done["progress"]["total"]


@pytest.mark.parametrize("kind", [RAISE_BEFORE, RAISE_AFTER])
def test_an_export_that_dies_at_any_call_is_resumed_and_whole(
    aws: StrictAws, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill()
    monkeypatch.setattr(exports, "PART_LINES", 2)
    expected = json.loads(raw("GET", f"{PATH}/export")[1])["items"]
    now = clock.now_ms()
    for nth in range(0, 30, 3):
        job = call("POST", f"{PATH}/exports", {"format": "json"})[1]
        aws.reset(Plan((Fault("*", nth, kind),)))
        try:
            work(1)
        except Died:
            pass
        aws.reset()
        now += 100_000
        monkeypatch.setattr(clock, "now_ms", lambda now=now: now)
        work()
        assert [json.loads(line) for line in fetched(job["job_id"]).splitlines()] == expected, nth


def test_an_erased_persons_export_is_given_to_nobody_and_a_running_one_ends() -> None:
    fill()
    done = call("POST", f"{PATH}/exports", {})[1]
    work()
    running = call("POST", f"{PATH}/exports", {})[1]
    assert call("GET", f"/exports/{done['job_id']}")[0] == 200
    call("DELETE", PATH)
    work()
    assert [call("GET", f"/exports/{one['job_id']}")[0] for one in (done, running)] == [404, 404]
    assert call("GET", f"/jobs/{running['job_id']}")[1]["receipt"]["counts"]["rows"] == 0


def test_an_exports_files_are_not_promised_longer_than_they_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    fill()
    job = call("POST", f"{PATH}/exports", {})[1]
    work()
    later = clock.now_ms() + 8 * 86_400_000
    monkeypatch.setattr(clock, "now_ms", lambda: later)
    assert call("GET", f"/exports/{job['job_id']}")[0] == 404


def test_a_list_holds_everybody_that_the_filter_takes_over_many_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "_LIST_PAGE", 2)
    for number, text in enumerate(NASTY[:7]):
        say(
            {
                "type": "identify",
                "messageId": f"i{number}",
                "userId": f"u{number}",
                "traits": {"name": text, "plan": number},
            }
        )
    say({"type": "page", "messageId": "other", "anonymousId": "c"}, key="local-write-key")
    wanted = {"verification": "all", "channel": "server", "fields": ["name", "custom.plan"]}
    job = call("POST", "/exports", wanted)[1]
    work()
    rows = list(csv.DictReader(io.StringIO(fetched(job["job_id"]), newline="")))
    assert sorted(read_cell(row["name"]) for row in rows) == sorted(NASTY[:7])
    assert sorted(row["custom.plan"] for row in rows) == list("0123456")
    assert not [cell for row in rows for cell in row.values() if cell[:1] and cell[0] in "=+-@\t\r\n"]
    assert call("GET", f"/jobs/{job['job_id']}")[1]["receipt"]["counts"]["rows"] == 7


def test_a_list_that_nobody_is_in_is_a_file_with_a_header() -> None:
    job = call("POST", "/exports", {})[1]
    work()
    (row,) = csv.reader(io.StringIO(fetched(job["job_id"])))
    assert row[0] == "profile_id"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"format": "xml"}, "format"),
        ({"fields": ["nonsense"]}, "fields.0"),
        ({"fields": ["email", "custom."]}, "fields.1"),
        ({"seen_since": "soon"}, "seen_since"),
        ({"q": "a"}, "q"),
    ],
)
def test_a_list_that_cannot_be_is_refused_by_name(body: dict[str, Any], field: str) -> None:
    status, answer = call("POST", "/exports", body)
    assert (status, field in answer["error"]["message"]) == (400, True), answer


def test_an_export_names_nobody_in_its_job_or_its_keys(aws: StrictAws) -> None:
    fill()
    call("POST", f"{PATH}/exports", {})
    work()
    kept = [item for item in aws.items("profiles") if item["pk"]["S"].startswith("job")]
    assert "a@b.cd" not in json.dumps(kept, default=str)
    assert "user_id" not in json.dumps(kept, default=str)
    keys = [
        one["Key"] for one in boto3.client("s3").list_objects_v2(Bucket="cdp-bucket", Prefix="exports/")["Contents"]
    ]
    assert all(key.split("/")[1].isalnum() for key in keys)
