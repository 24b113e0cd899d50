"""Imports as they are asked for: what is refused, who may, lists and reports in pages."""

import pytest

from cdp_core import files
from cdp_core.domain import imports as rules
from cdp_core.usecases.imports import file_of
from tests.double import StrictAws
from tests.integration.test_access import key_of
from tests.integration.test_profiles_api import call
from tests.support.imports import begin, counts, load, make, report, start


@pytest.fixture(autouse=True)
def _world(aws: StrictAws, monkeypatch: pytest.MonkeyPatch) -> None:
    begin(monkeypatch)


def test_what_makes_no_sense_is_refused_and_nothing_is_stored(aws: StrictAws) -> None:
    """400 names the field, the column and the limit."""
    before = [one for one in aws.items("profiles") if one["pk"]["S"] == "imports"]
    good = {"key": "email", "mode": "skip", "columns": {"E": "email"}, "csv": "E\na@b.c\n"}
    for wrong, words in (
        ({"columns": {"F": "first_name"}}, "email"),
        ({"columns": {"E": "email", "F": "nick"}}, "'F'"),
        ({"columns": {"E": "email", "Z": "city"}}, "'Z'"),
        ({"columns": {}}, "columns"),
        ({"columns": {f"c{n}": None for n in range(501)}}, "columns"),
        ({"columns": {"x" * 201: "email"}}, "columns"),
        ({"key": "phone"}, "key"),
        ({"mode": "merge"}, "mode"),
        ({"dry_run": "no"}, "dry_run"),
        ({"csv": ""}, "header"),
        ({"csv": "x" * 1_000_001}, "csv"),
        ({"name": "x" * 201}, "name"),
        ({"colour": "red"}, "colour"),
    ):
        status, answer = call("POST", "/imports", good | wrong)
        assert status == 400, wrong
        assert words in answer["error"]["message"], answer
    assert [one for one in aws.items("profiles") if one["pk"]["S"] == "imports"] == before == []
    for unknown in ("nothing", "%00", "x" * 2_000, "1900000000000-0123456789abcdef", "%2e%2e"):
        for path in ("", "/report", "/start"):
            assert call("POST" if path == "/start" else "GET", f"/imports/{unknown}{path}")[0] == 404
    assert call("GET", "/imports?cursor=x")[0] == 400


def test_a_file_larger_than_allowed_or_without_its_columns_is_not_started(monkeypatch: pytest.MonkeyPatch) -> None:
    """Judged by its size and its first bytes; it may be uploaded anew then."""
    made = make(None)
    for body, words in ((b"E,F\n", "'C'"), (b"", "header"), (b"\xff\xfeE\x00", "UTF-16")):
        files.write(file_of(made["import_id"]), body, kind="text/csv")
        status, answer = call("POST", f"/imports/{made['import_id']}/start")
        assert (status, words in answer["error"]["message"]) == (400, True), answer
    files.write(file_of(made["import_id"]), b"E,F,C\na@b.c,,\n", kind="text/csv")
    monkeypatch.setattr("cdp_core.usecases.imports.MAX_FILE", 12)
    assert call("POST", f"/imports/{made['import_id']}/start")[1]["error"]["code"] == "too_large"
    monkeypatch.undo()
    start(made["import_id"])
    again = call("POST", f"/imports/{made['import_id']}/start")
    assert (again[0], again[1]["status"]) == (202, "done")
    assert counts(made["import_id"]) == {"inserted": 1}


def test_who_may_import_and_who_may_delete_by_import() -> None:
    """An editor imports; erasing takes the right to erase, when it is asked for and when it is started."""
    editor, viewer = key_of("editor"), key_of("viewer")
    body = {"key": "email", "mode": "delete", "columns": {"E": "email"}, "csv": "E\na@b.c\n"}
    assert call("POST", "/imports", body, key=viewer)[0] == 403
    assert call("POST", "/imports", body, key=editor)[0] == 403
    assert call("POST", "/imports", body | {"mode": "skip"}, key=editor)[0] == 201
    made = call("POST", "/imports", body)[1]
    assert call("POST", f"/imports/{made['import_id']}/start", key=editor)[0] == 403
    assert call("GET", "/imports", key=viewer)[0] == 403


def test_imports_are_listed_latest_first_and_reports_are_read_in_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cursor is good for its query only; a page looks at so many parts and no more."""
    ids = [make("E,F,C\na@b.c,,\n", name=f"n{n}")["import_id"] for n in range(5)]
    status, first = call("GET", "/imports?limit=2")
    assert (status, [one["import_id"] for one in first["items"]]) == (200, [ids[4], ids[3]])
    seen, cursor = first["items"], first["cursor"]
    while cursor:
        found = call("GET", f"/imports?limit=2&cursor={cursor}")[1]
        seen, cursor = seen + found["items"], found["cursor"]
    assert [one["import_id"] for one in seen] == ids[::-1]
    monkeypatch.setattr(rules, "PART", 2)
    monkeypatch.setattr("cdp_core.usecases.imports._PARTS", 2)
    monkeypatch.setattr("cdp_core.usecases.imports._MAX_PARTS", 3)
    rows = [f"p{n}@b.c" if n % 9 else "bad" for n in range(40)]
    import_id = load("E,F,C\n" + "".join(f"{one},,\n" for one in rows), dry_run=True)
    assert [one["row"] for one in report(import_id)] == list(range(2, 42))
    assert [one["row"] for one in report(import_id, "&only=errors")] == [2, 11, 20, 29, 38]
    cursor = call("GET", f"/imports/{import_id}/report?limit=7")[1]["cursor"]
    assert call("GET", f"/imports/{import_id}/report?limit=7&only=errors&cursor={cursor}")[0] == 400
