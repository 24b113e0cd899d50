"""Exports as answers, and as files: written part by part by a job, fetched by links that are good for minutes."""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from itertools import islice
from typing import Any

from cdp_core import clock, files
from cdp_core.domain import export as rules
from cdp_core.domain.contact import CUSTOM_PREFIX, STANDARD
from cdp_core.domain.csv_cells import cell, to_csv
from cdp_core.domain.export import COLUMNS, CSV, LIST, LIST_COLUMNS, PERSON, Fact
from cdp_core.domain.identity import profile_id
from cdp_core.domain.jobs import DONE, Job, view
from cdp_core.domain.leaf import Leaf
from cdp_core.domain.profile_filter import Filter
from cdp_core.domain.times import iso
from cdp_core.errors import InvalidInput, NotFound
from cdp_core.tables import jobs
from cdp_core.tables.codec import to_json
from cdp_core.usecases import export_person, profiles, search
from cdp_core.usecases.hold import Hold
from cdp_core.usecases.profiles import Profile
from cdp_core.usecases.resolve import Named

MAX_LINES, MAX_BYTES = 5_000, 4_000_000  # of an answer; Lambda's may have 6 MB
PART_LINES = 1_000
_LIST_PAGE = 250


def person(profile: Profile, form: str) -> str:
    """Everything held on a person as one text, JSON or CSV. Raises InvalidInput if it is too much for one answer."""
    facts = export_person.everything(profile, limit=MAX_LINES)
    if form == CSV:
        text = to_csv([COLUMNS, *map(_cells, facts)])
    else:
        text = to_json({"profile": profiles.show(profile), "items": [fact.plain() for fact in facts]})
    if len(facts) > MAX_LINES or len(text.encode()) > MAX_BYTES:
        words = f"an answer holds {MAX_LINES} lines and {MAX_BYTES} bytes; POST /profiles/{{id}}/exports writes files"
        raise InvalidInput(f"there is too much for one answer: {words}", code="too_large")
    return text


def _cells(fact: Fact) -> list[str]:
    return [cell(value, to_json) for value in fact.plain().values()]


def request_person(profile: Profile, form: str) -> dict[str, Any]:
    """The job that writes everything held on a person into files; its view."""
    lives = {leaf.id: leaf.epoch for leaf in profile.leaves}
    request = {"of": PERSON, "format": form, "leaf": profile.root.id, "epoch": profile.root.epoch, "lives": lives}
    return _create(request, total=sum(sum(leaf.counts.values()) for leaf in profile.leaves))


def request_list(wanted: Filter, form: str, fields: Sequence[str]) -> dict[str, Any]:
    """The job that writes all profiles that a filter takes into files; its view. Raises InvalidInput for a field that there cannot be."""
    for number, name in enumerate(fields):
        if name not in STANDARD and not (name.startswith(CUSTOM_PREFIX) and len(name) > len(CUSTOM_PREFIX)):
            raise InvalidInput(f"fields.{number}: must be a contact field, or custom. and a name")
    return _create({"of": LIST, "format": form, "filter": asdict(wanted), "fields": list(fields)}, total=0)


def _create(request: dict[str, Any], *, total: int) -> dict[str, Any]:
    job = rules.new_job(uuid.uuid4().hex, created_at=clock.now_ms(), request=request, total=total)
    jobs.create(job)
    return view(job)


def links(job_id: str) -> dict[str, Any]:
    """The export's job, and links to its files once it is done. Raises NotFound; also for a person erased since, or after 7 days."""
    job = jobs.load(job_id)
    if job is None or job.type != rules.EXPORT or _is_over(job):
        raise NotFound("there is no such export, or no longer")
    form = job.request["format"]
    keys = [rules.part_key(job.id, part, form) for part in range(job.counts["files"])] if job.phase == DONE else []
    expires = iso(clock.now_ms() + files.LINK_SECONDS * 1000)
    named = [(key.rpartition("/")[2], key) for key in keys]
    return view(job) | {
        "files": [{"name": n, "url": files.link_to_get(k, name=n), "expires_at": expires} for n, k in named]
    }


def _is_over(job: Job) -> bool:
    """Whether its files are gone, or hold somebody who was erased."""
    if clock.now_ms() - job.created_at > rules.KEPT_MS:
        return True
    return job.request["of"] == PERSON and _profile(job) is None


def _profile(job: Job) -> Profile | None:
    """The person of an export, if the life that was meant goes on and has the same identifiers or more."""
    try:
        return profiles.load(Named(job.request["leaf"], job.request["epoch"]))
    except NotFound:
        return None


def step(hold: Hold) -> bool:
    """Writes the next part. False when it was the last one."""
    lines, position, header = _person_part(hold.job) if hold.job.request["of"] == PERSON else _list_part(hold.job)
    part, form = int(hold.job.place["part"]), str(hold.job.request["format"])
    if lines or part == 0:
        text = (
            to_csv([*([header] if part == 0 else []), *lines]) if form == CSV else "".join(f"{one}\n" for one in lines)
        )
        files.write(rules.part_key(hold.job.id, part, form), text.encode(), kind=rules.kind_of(form))
        hold.keep(rules.after_part(hold.job, rows=len(lines), position=position))
    else:
        hold.keep(rules.finished(hold.job))
    return position is not None


_Part = tuple[list[Any], Sequence[Any] | None, Sequence[str]]


def _person_part(job: Job) -> _Part:
    """The first part holds details; then come activities, identifier by identifier, and at last the dead letters."""
    profile = _profile(job)
    if profile is None:
        return [], None, COLUMNS
    leaves = sorted(profile.leaves, key=lambda leaf: leaf.id)
    position = job.place["position"]
    if position is None:
        return _lines(job, export_person.details(profile)), ["", ""], COLUMNS
    facts, after = _activities(leaves, str(position[0]), str(position[1]))
    if after is None:
        facts += [fact for leaf in leaves for fact in export_person.dead_letter_facts(leaf)]
    return _lines(job, facts), after, COLUMNS


def _activities(leaves: Sequence[Leaf], at: str, after: str) -> tuple[list[Fact], list[str] | None]:
    """The next PART_LINES activities behind a leaf and sort key, and where to go on; None when that was all."""
    for leaf in (one for one in leaves if profile_id(one.id, one.epoch) >= at):
        behind = after if profile_id(leaf.id, leaf.epoch) == at else ""
        found = list(islice(export_person.activity_facts(leaf, behind), PART_LINES))
        if found:
            return [fact for _, fact in found], [profile_id(leaf.id, leaf.epoch), found[-1][0]]
    return [], None


def _lines(job: Job, facts: Iterable[Fact]) -> list[Any]:
    if job.request["format"] == CSV:
        return [_cells(fact) for fact in facts]
    return [to_json(fact.plain()) for fact in facts]


def _list_part(job: Job) -> _Part:
    request, position = job.request, job.place["position"]
    fields = [*STANDARD, *request["fields"]] if not request["fields"] else list(request["fields"])
    ask = search.Ask(
        filter=Filter(**request["filter"]),
        limit=_LIST_PAGE,
        position=None if position is None else (str(position[0]), str(position[1])),
    )
    page = search.search(ask)
    columns = [*LIST_COLUMNS, *fields]
    rows = [_row(shown, fields) for shown in page.items]
    if request["format"] == CSV:
        return [[cell(row[name], to_json) for name in columns] for row in rows], page.position, columns
    return [to_json(row) for row in rows], page.position, columns


def _row(shown: dict[str, Any], fields: Sequence[str]) -> dict[str, Any]:
    contact, custom = shown["contact"], shown["contact"].get("custom", {})
    row = {name: shown.get(name) for name in LIST_COLUMNS}
    row |= {"channels": " ".join(shown["channels"]), "activities": shown["activity_counts"]["total"]}
    return row | {
        name: custom.get(name.removeprefix(CUSTOM_PREFIX)) if name.startswith(CUSTOM_PREFIX) else contact.get(name)
        for name in fields
    }
