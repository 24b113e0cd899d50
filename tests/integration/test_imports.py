"""Imports of contacts from CSV: what becomes of the rows, and what the report says."""

import json
from typing import Any
from unittest import mock

import pytest
import requests

from cdp_core import files
from cdp_core.domain import imports as rules
from cdp_core.tables import listing
from cdp_core.usecases import import_rows
from cdp_core.usecases.imports import file_of
from tests.double import StrictAws
from tests.integration.test_profiles_api import call, identify, page
from tests.support.imports import Clock, begin, counts, finish, load, make, person, report, start
from tests.support.product import batch, drain_all


@pytest.fixture(autouse=True)
def _world(aws: StrictAws, monkeypatch: pytest.MonkeyPatch) -> None:
    begin(monkeypatch)


def known(user_id: str, **traits: Any) -> None:
    """Somebody who is there already."""
    batch(identify(user_id, **traits) | {"messageId": f"i-{user_id}-{Clock.now}"})
    drain_all()


def test_a_file_is_uploaded_by_link_and_imported_by_a_job(aws: StrictAws) -> None:
    """The walk-through of the documentation."""
    made = make(None, name="Trade fair")
    upload = made["upload"]
    assert (made["status"], made["job"], upload["method"]) == ("waiting_for_file", None, "PUT")
    status, answer = call("POST", f"/imports/{made['import_id']}/start")
    assert (status, answer["error"]["code"]) == (400, "no_file")
    data = b"E,F,C\nann@b.c,Ann,Rome\nbob@b.c,Bob,\n"
    assert requests.put(upload["url"], data=data, headers=upload["headers"], timeout=5).status_code == 200
    start(made["import_id"])
    _, shown = call("GET", f"/imports/{made['import_id']}")
    assert (shown["name"], shown["status"], shown["error"]) == ("Trade fair", "done", None)
    assert shown["job"]["progress"] == {"done": len(data), "total": len(data)}
    assert shown["job"]["receipt"]["counts"] == shown["counts"]
    assert counts(made["import_id"]) == {"inserted": 2}
    assert person("email:ann@b.c") == {"email": "ann@b.c", "first_name": "Ann", "city": "Rome"}
    assert person("email:bob@b.c") == {"email": "bob@b.c", "first_name": "Bob"}


@pytest.mark.parametrize(
    ("mode", "outcomes", "ann", "new"),
    [
        ("insert", {"failed": 1, "inserted": 1}, {"email": "Ann@b.c", "first_name": "Ann"}, True),
        ("skip", {"skipped": 1, "inserted": 1}, {"email": "Ann@b.c", "first_name": "Ann"}, True),
        ("overwrite", {"updated": 1, "inserted": 1}, {"email": "Ann@b.c", "first_name": "Anna", "city": "Rome"}, True),
        ("delete", {"deleted": 1, "skipped": 1}, None, False),
    ],
)
def test_each_mode_does_what_it_says(
    mode: str, outcomes: dict[str, int], ann: dict[str, Any] | None, new: bool
) -> None:
    """Somebody who is there, and somebody who is not; an address finds a person in any case of letters."""
    known("42", email="Ann@b.c", firstName="Ann")
    import_id = load("E,F,C\nann@B.C,Anna,Rome\nnew@b.c,New,Oslo\n", mode=mode)
    assert counts(import_id) == outcomes
    assert person("user_id:42") == ann
    assert (person("email:new@b.c") is not None) == new
    assert [one["row"] for one in report(import_id)] == [2, 3]


@pytest.mark.parametrize("mode", ["insert", "skip", "overwrite", "delete"])
def test_a_dry_run_reports_the_same_and_writes_nothing(aws: StrictAws, mode: str) -> None:
    """Not a leaf, not a tombstone."""
    known("42", email="ann@b.c")
    csv = "E,F,C\nann@b.c,Anna,Rome\nnew@b.c,New,Oslo\nbad,x,y\n"

    def people() -> list[Any]:
        return sorted((str(i) for i in aws.items("profiles") if i["pk"]["S"][0] in "uv"), key=str)

    before = people()
    dry = load(csv, mode=mode, dry_run=True)
    assert people() == before
    assert report(load(csv, mode=mode)) == report(dry)
    assert people() != before


def test_by_user_id_a_row_is_about_the_profile_of_that_user() -> None:
    """An address is a field like others then; a merged visitor's values give way."""
    batch(identify("42", city="Oslo") | {"anonymousId": "anon"}, page("p", anonymousId="anon"))
    drain_all()
    columns = {"U": "user_id", "E": "email", "C": "city"}
    import_id = load("U;E;C\n42;ann@b.c;Rome\n43;;Paris\n", columns=columns, key="user_id")
    assert counts(import_id) == {"updated": 1, "inserted": 1}
    assert person("user_id:42") == {"email": "ann@b.c", "city": "Rome"}
    assert person("anonymous_id:anon") == person("user_id:42")
    assert person("user_id:43") == {"city": "Paris"}
    assert counts(load("U;E;C\n42;ann@b.c;Rome\n", columns=columns, key="user_id")) == {"unchanged": 1}


def test_a_bad_cell_refuses_the_whole_row_and_the_report_names_row_column_and_rule() -> None:
    """Issue: nothing half-imported per row."""
    call("POST", "/fields", {"entity": "contact", "name": "age", "caption": "Age", "type": "number"})
    columns = {"E": "email", "Full name": "name", "How old?": "custom.age"}
    csv = (
        "\ufeffE;Full name;How old?\r\n"
        '"ann@b.c";"Ann\r\nLee";41\r\n'
        "\r\n"
        "bob@b.c;Bob;forty\r\n"
        "not-an-address;Eve;7\r\n"
        "eve@b.c;Eve\r\n"
        'joe@b.c;"Joe"x;7\r\n'
        "zoe@b.c;Zoe;7.5"
    )
    import_id = load(csv, columns=columns)
    assert counts(import_id) == {"inserted": 2, "failed": 4}
    errors = report(import_id, "&only=errors")
    assert [(one["row"], one["outcome"], [error["column"] for error in one["errors"]]) for one in errors] == [
        (4, "failed", ["How old?"]),
        (5, "failed", ["E"]),
        (6, "failed", [None]),
        (7, "failed", [None]),
    ]
    assert errors[0]["errors"][0]["message"] == "custom.age must be a number"
    assert not any(word in json.dumps(errors) for word in ("forty", "not-an-address", "Eve", "Joe"))
    assert person("email:bob@b.c") is None
    assert person("email:ann@b.c") == {"email": "ann@b.c", "name": "Ann\r\nLee", "custom": {"age": 41}}
    assert call("GET", "/profiles/email%3Azoe%40b.c")[1]["contact"]["custom"]["age"] == 7.5


def test_two_rows_with_one_address_make_one_profile_even_while_the_index_lags(monkeypatch: pytest.MonkeyPatch) -> None:
    """The listing is eventually consistent; the id of somebody imported by an address is not."""
    rows = "E,F,C\nann@b.c,Ann,Zagreb\nANN@b.c,Anna,\nann@b.c,,Aachen\n"
    with mock.patch.object(listing, "page", return_value=[]):
        first = load(rows)
        second = load("E,F,C\nAnn@b.c,Anja,\n")
    assert (counts(first), counts(second)) == ({"inserted": 1, "updated": 2}, {"updated": 1})
    assert person("email:ann@b.c") == {"email": "ann@b.c", "first_name": "Anja", "city": "Aachen"}
    assert len(call("GET", "/profiles?verification=all")[1]["items"]) == 1


@pytest.mark.parametrize(
    ("mode", "outcomes"), [("insert", {"inserted": 1, "failed": 1}), ("skip", {"inserted": 1, "skipped": 1})]
)
def test_a_second_row_of_one_person_meets_the_first(mode: str, outcomes: dict[str, int]) -> None:
    """Within one part of a file too."""
    assert counts(load("E,F,C\nann@b.c,Ann,Rome\nann@b.c,Eve,Oslo\n", mode=mode)) == outcomes
    assert person("email:ann@b.c") == {"email": "ann@b.c", "first_name": "Ann", "city": "Rome"}


def test_an_address_of_several_profiles_is_ambiguous_and_changes_none() -> None:
    """As everywhere."""
    known("1", email="ann@b.c")
    known("2", email="ann@b.c")
    import_id = load("E,F,C\nann@b.c,Ann,Rome\n")
    (row,) = report(import_id)
    assert (row["outcome"], row["errors"][0]["column"]) == ("failed", "E")
    assert person("user_id:1") == person("user_id:2") == {"email": "ann@b.c"}
    assert counts(load("E,F,C\nann@b.c,,\n", mode="delete")) == {"failed": 1}


def test_somebody_who_has_another_address_by_now_is_not_taken_for_the_former_one() -> None:
    """The id made of an address belongs to whoever has it; the next one gets an id of their own."""
    load("E,F,C\nann@b.c,Ann,Rome\n")
    _, found = call("GET", "/profiles/email%3Aann%40b.c")
    Clock.now += 60_000
    assert call("PATCH", f"/profiles/{found['profile_id']}", {"contact": {"email": "new@b.c"}})[0] == 200
    assert counts(load("E,F,C\nann@b.c,Eve,Oslo\n")) == {"inserted": 1}
    assert person(found["profile_id"]) == {"email": "new@b.c", "first_name": "Ann", "city": "Rome"}
    assert person("email:ann@b.c") == {"email": "ann@b.c", "first_name": "Eve", "city": "Oslo"}
    assert counts(load("E,F,C\nann@b.c,Eve,Oslo\nnew@b.c,Ann,\n")) == {"unchanged": 2}


def test_what_was_said_after_the_import_was_made_stays_and_a_locked_field_stays_locked() -> None:
    """A file is as old as its import; a lock is an admin's."""
    known("42", email="ann@b.c", city="Oslo")
    call("PATCH", "/profiles/user_id%3A42", {"contact": {"first_name": "Ann"}, "lock": ["first_name"]})
    made = make("E,F,C\nann@b.c,Eve,Rome\n")
    Clock.now += 60_000
    call("PATCH", "/profiles/user_id%3A42", {"contact": {"city": "Paris"}})
    start(made["import_id"])
    assert person("user_id:42") == {"email": "ann@b.c", "first_name": "Ann", "city": "Paris"}
    call("PATCH", "/profiles/user_id%3A42", {"unlock": ["first_name"]})
    assert person("user_id:42") == {"email": "ann@b.c", "first_name": "Eve", "city": "Paris"}
    origins = {one["field"]: one for one in call("GET", "/profiles/user_id%3A42/fields")[1]["items"]}
    assert origins["first_name"]["source"] == "import"
    assert origins["first_name"]["message_id"] == f"import-{made['import_id']}-2"


def test_status_owner_and_marketing_state_are_imported_and_checked() -> None:
    """By code name, as they are set by hand."""
    call("POST", "/statuses", {"code_name": "customer", "name": "Customer"})
    columns = {"E": "email", "S": "status", "O": "owner", "M": "marketing_email"}
    import_id = load("E,S,O,M\nann@b.c,customer,Eve,opted_out\nbob@b.c,nobody,,\n", columns=columns)
    assert [[e["column"] for e in one["errors"]] for one in report(import_id, "&only=errors")] == [["S"]]
    _, shown = call("GET", "/profiles/email%3Aann%40b.c/overview")
    assert (shown["status"]["code_name"], shown["owner"], shown["marketing_email"]) == ("customer", "Eve", "opted_out")


def test_somebody_suppressed_or_erased_since_is_not_stored_and_the_report_says_so() -> None:
    """Invariant 7, and suppression by time of receipt."""
    columns = {"U": "user_id", "C": "city"}
    known("gone", city="Oslo")
    call("POST", "/suppressions", {"kind": "user_id", "value": "quiet"})
    made = make("U,C\ngone,Rome\nquiet,Rome\nnew,Rome\n", columns=columns, key="user_id")
    Clock.now += 60_000
    assert call("DELETE", "/profiles/user_id%3Agone")[0] == 202
    start(made["import_id"])
    assert counts(made["import_id"]) == {"erased": 1, "suppressed": 1, "inserted": 1}
    assert person("user_id:gone") is None
    assert person("user_id:quiet") is None
    assert all(one["reason"] for one in report(made["import_id"])[:2])
    later = load("U,C\ngone,Rome\n", columns=columns, key="user_id")
    assert counts(later) == {"inserted": 1}
    assert person("user_id:gone") == {"city": "Rome"}


def test_an_import_that_deletes_erases_whole_profiles_in_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    """A merged visitor goes too; two rows of one person are one erasure; the jobs that clean up say who asked."""
    monkeypatch.setattr("cdp_core.usecases.import_erasures.MAX_LEAVES", 4)
    for n in range(7):
        batch(identify(f"u{n}", email=f"p{n}@b.c") | {"anonymousId": f"a{n}"})
    drain_all()
    rows = "".join(f"p{n}@b.c,,\n" for n in (0, 1, 2, 3, 4, 5, 0, 9))
    import_id = load("E,F,C\n" + rows, mode="delete")
    assert counts(import_id) == {"deleted": 6, "skipped": 2}
    assert [person(f"anonymous_id:a{n}") is None for n in range(7)] == [True] * 6 + [False]
    group = call("GET", f"/jobs/{import_id}-0000000-000")[1]
    assert (group["type"], group["request"]["requested_by"]) == ("erasure", "key:first")


def test_a_file_that_goes_on_inside_an_open_quote_fails_there_and_what_came_before_stands() -> None:
    """A row that cannot be found is not guessed."""
    import_id = load('E,F,C\nann@b.c,Ann,Rome\nbob@b.c,"Bob,Oslo\neve@b.c,Eve,Oslo\n')
    _, shown = call("GET", f"/imports/{import_id}")
    assert (shown["status"], shown["error"]["row"]) == ("failed", 3)
    assert "never closed" in shown["error"]["message"]
    assert counts(import_id) == {"inserted": 1, "failed": 1}
    assert report(import_id)[-1]["row"] == 3
    assert person("email:eve@b.c") is None


def test_a_file_of_more_rows_than_allowed_fails_behind_the_last_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Invariant 10."""
    monkeypatch.setattr(rules, "MAX_ROWS", 3)
    monkeypatch.setattr(rules, "PART", 2)
    whole = load("E,F,C\n" + "".join(f"p{n}@b.c,,\n" for n in range(3)))
    assert (call("GET", f"/imports/{whole}")[1]["status"], counts(whole)) == ("done", {"inserted": 3})
    import_id = load("E,F,C\n" + "".join(f"q{n}@b.c,,\n" for n in range(5)))
    _, shown = call("GET", f"/imports/{import_id}")
    assert (shown["status"], shown["error"]["row"], counts(import_id)) == ("failed", 5, {"inserted": 3})


def test_a_file_that_is_replaced_or_gone_after_the_start_fails_and_nothing_of_the_other_is_read() -> None:
    """The link works for minutes after the start."""
    for change in (lambda key: files.write(key, b"E,F,C\nmallory@b.c,M,\n", kind="text/csv"), _remove):
        made = make("E,F,C\nann@b.c,Ann,Rome\n")
        call("POST", f"/imports/{made['import_id']}/start")
        change(file_of(made["import_id"]))
        finish(made["import_id"])
        _, shown = call("GET", f"/imports/{made['import_id']}")
        assert (shown["status"], shown["counts"]["rows"]) == ("failed", 0)
    assert person("email:mallory@b.c") is None


def _remove(key: str) -> None:
    import boto3

    boto3.client("s3").delete_object(Bucket="cdp-bucket", Key=key)


def test_nothing_personal_is_left_of_an_import_but_the_people(aws: StrictAws) -> None:
    """Invariant 12: not in the job, the report, the file."""
    import_id = load("E,F,C\nann@canary.example,Canaria,Rome\nnot-an-address-canary,x,\n")
    rest = [one for one in aws.items("profiles") if one["pk"]["S"].startswith(("job", "imports", "audit"))]
    leaves = {one["pk"]["S"] for one in aws.items("profiles") if one["pk"]["S"][0] in "uv"}
    text = json.dumps(rest, default=str)
    assert "canar" not in text.lower()
    assert not any(leaf in text for leaf in leaves)
    found = files.read(file_of(import_id), start=0, length=10)
    assert found is not None
    assert found.size == 0


def test_an_export_of_a_list_comes_back_unchanged(aws: StrictAws) -> None:
    """Formulas, numbers, line breaks: what was written is what is read."""
    call("POST", "/fields", {"entity": "contact", "name": "score", "caption": "Score", "type": "number"})
    said = {"firstName": "=1+1", "phone": "+49 30 1", "city": "'-x", "address": {"street": 'two\nlines, "quoted"'}}
    known("42", email="ann@b.c", score=-5.25, **said)
    known("43", email="bob@b.c", firstName="Bob")
    fields = ["email", "first_name", "mobile_phone", "city", "address", "custom.score"]
    job = call("POST", "/exports", {"verification": "all", "format": "csv", "fields": fields})[1]
    finish(job["job_id"])
    text = files.read(f"exports/{job['job_id']}/00000.csv", start=0, length=100_000)
    assert text is not None
    csv = text.data.decode()
    assert "'=1+1" in csv
    assert counts(load(csv, columns={name: name for name in fields})) == {"unchanged": 2}


def test_a_row_that_the_store_never_takes_is_reported_and_the_others_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """After so many tries: one row cannot hold up a file for good."""
    inner = import_rows.apply_envelopes

    def stubborn(envelopes: Any, *rest: Any) -> set[bytes]:
        refused = {key for key, one in envelopes.items() if one.events[0].message_id.endswith("-3")}
        return refused | inner({key: one for key, one in envelopes.items() if key not in refused}, *rest)

    monkeypatch.setattr(import_rows, "apply_envelopes", stubborn)
    import_id = load("E,F,C\nann@b.c,Ann,Rome\nbob@b.c,Bob,Oslo\neve@b.c,Eve,Oslo\n")
    assert counts(import_id) == {"inserted": 2, "failed": 1}
    (row,) = report(import_id, "&only=errors")
    assert (row["row"], "import this row again" in row["errors"][0]["message"]) == (3, True)
    assert person("email:bob@b.c") is None
