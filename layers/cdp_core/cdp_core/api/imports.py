"""Shapes of the routes for imports of contacts from CSV."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from cdp_core.api.models import example, taken
from cdp_core.api.operations import Job
from cdp_core.domain.csv_records import MAX_COLUMN_NAME, MAX_COLUMNS
from cdp_core.domain.import_rows import Outcome

MAX_INLINE = 1_000_000
ImportKey = Literal["email", "user_id"]
Mode = Literal["insert", "overwrite", "skip", "delete"]
_ID = "1767323045678-5f2c81d9ab34e07c"
_COLUMNS = {"E-mail": "email", "First name": "first_name", "Plan": "custom.plan", "Remarks": None}
_COUNTS = {"rows": 2, "inserted": 1, "updated": 0, "unchanged": 0, "skipped": 0, "deleted": 0}
_COUNTS |= {"suppressed": 0, "erased": 0, "failed": 1}
_IMPORT = {
    "import_id": _ID,
    "name": "Trade fair",
    "key": "email",
    "mode": "overwrite",
    "columns": _COLUMNS,
    "dry_run": False,
    "created_at": "2026-01-02T03:04:05.678Z",
    "created_by": "key:5f2c81d9ab34e07c",
    "status": "done",
    "counts": _COUNTS,
    "error": None,
    "job": {
        "job_id": _ID,
        "type": "import",
        "status": "done",
        "progress": {"done": 120, "total": 120},
        "request": None,
        "receipt": {"counts": _COUNTS},
    },
}


class NewImport(BaseModel):
    """A file of contacts to import: what its columns mean, whom a row is about, and what to do with people who are there already."""

    model_config = taken(
        name="Trade fair",
        key="email",
        mode="overwrite",
        columns=_COLUMNS,
        dry_run=True,
        csv="E-mail,First name,Plan,Remarks\nann@example.com,Ann,pro,\n",
    )
    name: Annotated[str, Field(max_length=200, description="For people; no personal data")] = ""
    key: Annotated[ImportKey, Field(description="What says whom a row is about; one column must fill it")]
    mode: Annotated[
        Mode,
        Field(
            description="`insert`: new people only, a row of somebody who is there fails. `skip`: new people only, others are left "
            "alone. `overwrite`: new people, and the row's values for those who are there. `delete`: erases those who are there"
        ),
    ]
    columns: Annotated[
        dict[
            Annotated[str, Field(min_length=1, max_length=MAX_COLUMN_NAME)],
            Annotated[str, Field(min_length=1, max_length=120)] | None,
        ],
        Field(
            min_length=1,
            max_length=MAX_COLUMNS,
            description="Column of the file -> field: a contact field, `custom.<name>`, `status`, `owner`, `marketing_email`, "
            "`user_id` (as the key only), or null. Columns that are not named are not read",
        ),
    ]
    dry_run: Annotated[bool, Field(description="Only report what would be done")] = False
    csv: Annotated[
        str | None, Field(max_length=MAX_INLINE, description="The file itself, if it is small; else it is uploaded")
    ] = None


class Upload(BaseModel):
    """Where to send the file, with these headers. The link is a secret: whoever has it can upload."""

    url: str
    method: Literal["PUT"]
    headers: dict[str, str]
    expires_at: str
    max_bytes: int


class ImportFailure(BaseModel):
    """Why nothing behind a row was imported."""

    row: int | None
    message: str


class Import(BaseModel):
    """What was asked for, and how far it is. A row counts once, by its outcome; progress counts bytes of the file."""

    model_config = example(**_IMPORT)
    import_id: str
    name: str
    key: ImportKey
    mode: Mode
    columns: dict[str, str | None]
    dry_run: bool
    created_at: str
    created_by: str
    status: Literal["waiting_for_file", "ready", "queued", "running", "waiting", "done", "failed"]
    counts: dict[str, int]
    error: ImportFailure | None
    job: Job | None


class CreatedImport(Import):
    """A new import, and where its file goes if it has none yet."""

    model_config = example(
        **{**_IMPORT, "status": "waiting_for_file", "job": None, "counts": dict.fromkeys(_COUNTS, 0)},
        upload={
            "url": "https://bucket.s3.eu-central-1.amazonaws.com/imports/...",
            "method": "PUT",
            "headers": {"Content-Type": "text/csv"},
            "expires_at": "2026-01-02T03:19:05.678Z",
            "max_bytes": 1_073_741_824,
        },
    )
    upload: Upload | None


class ImportList(BaseModel):
    """A page of imports, latest first; `cursor` goes on, null at the end."""

    model_config = example(items=[_IMPORT], cursor=None)
    items: list[Import]
    cursor: str | None


class CellError(BaseModel):
    """What is wrong, by the rule: never the value. No column if it is the whole row."""

    column: str | None
    message: str


class ReportRow(BaseModel):
    """One row as a spreadsheet counts: the header is row 1."""

    row: int
    outcome: Outcome
    reason: str | None
    errors: list[CellError]


class ImportReport(BaseModel):
    """A page of the report in the order of the file; rows come as they are done. `cursor` goes on, null at the end."""

    model_config = example(
        items=[
            {"row": 2, "outcome": "inserted", "reason": None, "errors": []},
            {
                "row": 3,
                "outcome": "failed",
                "reason": None,
                "errors": [{"column": "Plan", "message": "custom.plan must be one of free, pro"}],
            },
        ],
        cursor=None,
    )
    items: list[ReportRow]
    cursor: str | None
