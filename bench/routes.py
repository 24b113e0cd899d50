"""Prints what each route of the profiles API costs: calls, read and write units, metered by true item size.

    PYTHONPATH=layers/cdp_core:. python bench/routes.py [--write]

A world of made-up people (bench/fill) on the strict double's engine in memory; one request a route, after its like has
warmed the caches. Two writes of every request are the count of the caller's requests and, for changes and exports, the
audit log's entry, which is two more. With --write the table goes into docs/costs.md.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "layers" / "cdp_core")]

from bench.fill.people import events  # noqa: E402
from cdp_core import clock, files, queue  # noqa: E402
from cdp_core.routes.scopes import SCOPES  # noqa: E402
from cdp_core.usecases.jobs import work_jobs  # noqa: E402
from tests.double import StrictAws, strict_aws  # noqa: E402
from tests.double.memory import Memory  # noqa: E402
from tests.support.product import ADMIN_KEY, SECRET_KEY, Context, batch, drain_all, function, request, seed_keys  # noqa: E402

PROFILES, SEED = 2_000, 1
USER, OTHER = "user_id%3Afill-8", "user_id%3Afill-38"
_LABEL = {"code_name": "bench", "name": "Bench"}
_CONSENT = {"code_name": "bench", "name": "Bench", "texts": {"en": {"short": "s", "full": "f"}}}
_FIELD = {"entity": "contact", "name": "bench", "caption": "Bench", "type": "text"}
_IMPORT = {"key": "user_id", "mode": "insert", "columns": {"id": "user_id"}, "csv": "id\r\n7\r\n"}
_NAMES = {"name": "Bench"}
_BODIES: dict[str, Any] = {
    "POST /admin-keys": _NAMES | {"role": "viewer"},
    "POST /profiles": {"user_id": "made", "contact": {"email": "made@example.com"}},
    "POST /profiles/lookup": {"kind": "user_id", "value": "fill-8"},
    "POST /profiles/bulk-delete": {"ids": ["user_id:fill-108", "user_id:fill-118"]},
    "PATCH /profiles/{id}": {"contact": {"company": "Acme"}},
    "POST /profiles/{id}/notes": {"text": "x"},
    "POST /profiles/{id}/activities": {"type": "click"},
    "POST /profiles/{id}/merge": {"with": "user_id:fill-18"},
    "POST /profiles/{id}/exports": {},
    "POST /exports": {},
    "POST /imports": _IMPORT,
    "POST /suppressions": {"kind": "user_id", "value": "unwanted"},
    "POST /statuses": _LABEL,
    "PATCH /statuses/{code}": _NAMES,
    "POST /account-roles": _LABEL,
    "PATCH /account-roles/{code}": _NAMES,
    "POST /accounts": {"account_id": "made"},
    "PATCH /accounts/{id}": _NAMES,
    "PUT /accounts/{id}/contacts/{profile}": {},
    "POST /channels": _LABEL | {"type": "website"},
    "PATCH /channels/{name}": _NAMES,
    "POST /activity-types": _LABEL,
    "PATCH /activity-types/{code}": _NAMES,
    "POST /forms": _LABEL | {"fields": {}},
    "PATCH /forms/{code}": _NAMES,
    "POST /fields": _FIELD,
    "PATCH /fields/{entity}/{name}": {"caption": "Bench"},
    "POST /consents": _CONSENT,
    "PATCH /consents/{code}": _NAMES,
}
_SEGMENT = "POST /v1/spaces/{space}/collections/{collection}/profiles/{profile}/external_ids/delete"
_BODIES[_SEGMENT] = {"delete_external_ids": [{"type": "anonymous_id", "id": "fill-visitor-28"}]}


def _turn(route: str) -> tuple[bool, int, bool, int]:
    """Removals come last, so that there is something to remove, what lies within something else before that."""
    is_late = route.startswith("DELETE") or route == _SEGMENT
    return is_late, -route.count("/") if is_late else 0, route.startswith("GET"), list(SCOPES).index(route)


def main() -> None:
    """Measures every route and prints the table."""
    with strict_aws(memory=Memory()) as aws, _files_in_memory():
        _fill()
        measured = dict(_measure(aws))
    lines = ["| Route | Status | Calls | Read units | Write units |", "|---|---|---|---|---|"]
    lines += [measured[route] for route in SCOPES]
    table = "\n".join(lines)
    print(table)
    if "--write" in sys.argv:
        _write(table)


def _files_in_memory() -> Any:
    """The bucket is not metered here; its requests are counted by AWS, a few a file."""
    kept: dict[str, bytes] = {}
    return mock.patch.multiple(
        files,
        write=lambda key, body, **_: kept.update({key: body}),
        read=lambda key, start, length: _slice(kept.get(key), start, length),
        link_to_get=lambda key, **_: f"https://bucket.example/{key}",
        link_to_put=lambda key: f"https://bucket.example/{key}",
    )


def _slice(data: bytes | None, start: int, length: int) -> files.Slice | None:
    return None if data is None else files.Slice(data[start : start + length], len(data), "v")


def _fill() -> None:
    seed_keys()
    waiting: list[dict[str, Any]] = []
    for mine in events(PROFILES, SEED):
        waiting += mine
        if len(waiting) > 1_000:
            batch(*waiting, key=SECRET_KEY)
            waiting = []
            drain_all(200)
    batch(*waiting, key=SECRET_KEY)
    drain_all(200)
    for company in ("bench", "other"):
        batch({"type": "group", "messageId": company, "userId": "fill-8", "groupId": company}, key=SECRET_KEY)
    drain_all(200)


def _erased() -> str:
    """The job of an erasure that is done, whose receipt can be asked for."""
    event = request("DELETE", "/profiles/user_id%3Afill-308", authorization=f"Bearer {ADMIN_KEY}")
    job = json.loads(function("profiles_api").handler(event, Context())["body"])["job_id"]
    now = clock.now_ms()
    with mock.patch("cdp_core.bucket.write_erasure"):
        for hour in range(1, 5):
            with mock.patch.object(clock, "now_ms", lambda hour=hour: now + hour * 3_600_000):
                work_jobs(lambda: 40_000, lambda *_: None)  # type: ignore[arg-type, return-value]
    return str(job)


def _measure(aws: StrictAws) -> Iterator[tuple[str, str]]:
    made = {"erasures": _erased()}
    with mock.patch.object(queue, "send", lambda bodies: [True] * len(bodies)):
        for route in sorted(SCOPES, key=_turn):
            status, answer = _ask(route, made) if route.startswith("GET") else (0, {})
            aws.reset()
            status, answer = _ask(route, made)
            _remember(route, answer, made)
            reads, writes = sum(aws.read_units.values()), sum(aws.write_units.values())
            assert 200 <= status < 300, (route, status, answer)
            yield route, f"| `{route}` | {status} | {len(aws.calls)} | {reads:g} | {writes:g} |"


def _ask(route: str, made: dict[str, str]) -> tuple[int, Any]:
    method, path = route.split(" ")
    for name in [part[1:-1] for part in path.split("/") if part.startswith("{")]:
        path = path.replace(f"{{{name}}}", _value(route, name, made), 1)
    path += "?id=user_id%3Afill-8&timestamp=2026-08-01T00:00:00Z" if route.startswith("GET /receipts") else ""
    body = json.dumps(_BODIES.get(route, {})) if method != "GET" else ""
    event = request(method, path, body, authorization=f"Bearer {ADMIN_KEY}")
    answered = function("profiles_api").handler(event, Context())
    try:
        return answered["statusCode"], json.loads(answered["body"])
    except ValueError:
        return answered["statusCode"], {}


def _value(route: str, name: str, made: dict[str, str]) -> str:
    """What exists for a variable of a path."""
    noun = route.split("/")[1]
    if noun in ("profiles", "v1"):
        known = {"id": USER, "note": made.get("note", "x"), "leaf": made.get("merged", "x"), "space": "main"}
        known |= {"collection": "users", "profile": "user_id:fill-28" if route == _SEGMENT else USER}
        return "user_id%3Afill-208" if route == "DELETE /profiles/{id}" else known[name]
    members = {"members": "fill-8", "customers": made.get("customer", "C-8"), "receipts": "fill-8-1"}
    fixed = {"profile": OTHER, "entity": "contact", "key": made.get("write key", "x")}
    return made.get(noun) or members.get(noun) or fixed.get(name) or "bench"


def _remember(route: str, answer: Any, made: dict[str, str]) -> None:
    """The ids of what a route made, for those that need them."""
    if not isinstance(answer, dict):
        return
    noun = {"POST /profiles/{id}/notes": "note", "POST /channels/{name}/keys": "write key"}.get(route)
    kinds = {"POST /admin-keys": "admin-keys", "POST /imports": "imports", "POST /suppressions": "suppressions"}
    kinds |= {"POST /profiles/{id}/exports": "exports", "POST /profiles/bulk-delete": "jobs"}
    for key in ("id", "job_id", "import_id", "hash"):
        if key in answer and (noun or route in kinds):
            made[noun or kinds[route]] = str(answer[key])
    if route == "POST /profiles/{id}/merge":
        made["merged"] = answer.get("merged_id", "x")


def _write(table: str) -> None:
    path = ROOT / "docs" / "costs.md"
    before, mark, _ = path.read_text().partition("<!-- routes -->\n")
    path.write_text(f"{before}{mark}\n{table}\n")


if __name__ == "__main__":
    main()
