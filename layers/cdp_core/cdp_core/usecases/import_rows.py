"""The job of an import: goes through the file part by part. Each part is judged, stored as a plan, carried out, and counted.

Whoever stores the plan of a part first has judged it for all, so a part that is tried again after a death does and reports the
same. What a row says travels in an envelope that was received when the import was made: an erasure since then wins.
"""

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from cdp_core import files
from cdp_core.domain import imports as rules
from cdp_core.domain.envelope import Envelope, Event, envelope_key
from cdp_core.domain.identity import ANONYMOUS_ID, USER_ID, Identifier
from cdp_core.domain.import_rows import DELETE, SOURCE, WRITES, Judged, Outcome, Problem, Row, message_id, said_of
from cdp_core.domain.imports import Part
from cdp_core.domain.jobs import Job
from cdp_core.domain.leaf import Leaf
from cdp_core.tables import imports, leaves
from cdp_core.usecases import import_erasures, import_people
from cdp_core.usecases.apply_envelopes import STOP_MS, apply_envelopes
from cdp_core.usecases.hold import Hold
from cdp_core.usecases.import_judging import barred_by, judge
from cdp_core.usecases.import_reading import Line, Unreadable, read_lines
from cdp_core.usecases.imports import CONTENT_TYPE, file_of

_GRACE_MS = 3_000  # that a part may go on behind its slice's end: the flush leaves STOP_MS
_TOO_MANY = f"a file may have {rules.MAX_ROWS} rows; those behind were not read"
_UNCERTAIN = f"the store gave no certain answer in {rules.MAX_TRIES} tries; import this row again"


def step(hold: Hold) -> bool:
    """Imports the next part. False if the job is done, or if the part must be tried again later. Raises TryAgain."""
    if hold.job.phase == rules.EMPTY:
        files.write(file_of(hold.job.id), b"", kind=CONTENT_TYPE)
        hold.keep(rules.emptied(hold.job))
        return False
    if rules.is_read(hold.job):
        hold.keep(rules.ended(hold.job))
        return True
    if rules.is_full(hold.job):
        hold.keep(rules.ended(hold.job, _TOO_MANY, row=int(hold.job.place["row"])))
        return True
    try:
        return _next_part(hold)
    except Unreadable as error:
        hold.keep(rules.ended(hold.job, str(error)))
        return True


def _next_part(hold: Hold) -> bool:
    job, number = hold.job, int(hold.job.place["part"])
    part = imports.load_part(job.id, number)
    lines: list[Line] | None = None
    if part is None:
        lines = read_lines(job)
        part = imports.plan(job.id, judge(job, lines), created_at=job.created_at)
    if not part.is_final:
        known = {line.number: line.row for line in lines or read_lines(job, upto=part.end)}
        done = _carry_out(hold, part, known)
        if done is None:
            hold.keep(rules.after_failure(job))
            return False
        part = imports.finish(job.id, replace(part, rows=done, is_final=True), created_at=job.created_at)
    hold.keep(rules.after_part(job, part))
    return True


def _carry_out(hold: Hold, part: Part, known: Mapping[int, Row | None]) -> list[Judged] | None:
    """What became of the part's rows; None if some must be tried again."""
    if hold.job.request["dry_run"]:
        return list(part.rows)
    if hold.job.request["mode"] == DELETE:
        import_erasures.erase(hold.job, part)
        return list(part.rows)
    return _store(hold, part, known)


def _store(hold: Hold, part: Part, known: Mapping[int, Row | None]) -> list[Judged] | None:
    job = hold.job
    writes = [one for one in part.rows if one.outcome in WRITES]
    before = leaves.load_many(one.leaf for one in writes)
    envelopes, done = {}, {one.row: one for one in part.rows}
    for one in writes:
        row, leaf = known.get(one.row), before[one.leaf]
        identifier = import_people.identifier_of(str(job.request["key"]), row.key, leaf) if row and row.key else None
        if row is None or row.problems or identifier is None:
            done[one.row] = _late(job, one, row, leaf)
        else:
            envelopes[one.row] = _envelope(job, one, row, identifier)
    failed = _apply(hold, list(envelopes.values()))
    if failed and int(job.place["tries"]) + 1 < rules.MAX_TRIES:
        return None
    after = leaves.load_many(one.leaf for one in writes)
    for number, envelope in envelopes.items():
        barred = barred_by(job, after[done[number].leaf])
        if barred is not None:
            done[number] = Judged(row=number, outcome=barred)
        elif envelope.key in failed:
            done[number] = Judged(row=number, outcome=Outcome.FAILED, problems=(Problem(None, _UNCERTAIN),))
    return [done[one.row] for one in part.rows]


def _late(job: Job, judged: Judged, row: Row | None, leaf: Leaf) -> Judged:
    """A row that cannot be stored any more as it was judged: its person went, or a definition changed."""
    if row is not None and row.problems:
        return Judged(row=judged.row, outcome=Outcome.FAILED, problems=row.problems)
    if (barred := barred_by(job, leaf)) is not None:
        return Judged(row=judged.row, outcome=barred)
    return Judged(row=judged.row, outcome=Outcome.FAILED, problems=(Problem(None, _UNCERTAIN),))


def _apply(hold: Hold, envelopes: list[Envelope]) -> set[bytes]:
    """The keys of those that could not be finished."""
    if not envelopes:
        return set()
    keyed = {one.key: one for one in envelopes}
    return apply_envelopes(keyed, dict.fromkeys(keyed, 1), lambda: hold.left() + STOP_MS + _GRACE_MS, Counter())


def _envelope(job: Job, judged: Judged, row: Row, identifier: Identifier) -> Envelope:
    """What a row says. The same row makes the same envelope, however often and by whom."""
    name = message_id(job.id, row.number)
    event = Event(
        type="identify",
        message_id=name,
        user_id=identifier.value if identifier.kind == USER_ID else None,
        anonymous_id=identifier.value if identifier.kind == ANONYMOUS_ID else None,
        time=job.created_at + judged.later,
        authority=True,
        body={"edits": said_of(row, str(job.request["key"]), is_new=judged.epoch is None)},
    )
    return Envelope(
        key=envelope_key(job.created_at, hashlib.sha256(name.encode()).digest()),
        received_at=job.created_at,
        channel=SOURCE,
        write_key="",
        legal_basis=SOURCE,
        events=(event,),
    )
