"""Routes of notes about a profile."""

from typing import Annotated, Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body, Path
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from cdp_core.api import profiles as shapes
from cdp_core.api.catalogue import Removed
from cdp_core.api.http import answer, documented, path_value
from cdp_core.api.parameters import Cursor, Limit, ProfileId
from cdp_core.domain.identity import profile_id
from cdp_core.routes.callers import caller
from cdp_core.routes.lists import page
from cdp_core.usecases import cursors, notes, profiles, resolve

router = APIGatewayHttpRouter()


@router.get(
    "/profiles/<id>/notes",
    summary="List notes",
    tags=["notes"],
    responses=documented(shapes.NoteList, 400, 404, 409),
)
def list_notes(id: ProfileId, limit: Limit = 25, cursor: Cursor = None) -> Response[Any]:
    """What was noted about the person, latest first."""
    tree = profiles.tree_of(resolve.name(path_value(id)))
    query = {"list": "notes", "of": profile_id(tree.root, tree.leaves[tree.root].epoch), "caller": caller().id}
    return page(notes.read(tree.leaves.values(), limit=limit, position=cursors.unseal(cursor, query)), query)


@router.post(
    "/profiles/<id>/notes",
    summary="Write a note",
    tags=["notes"],
    responses=documented(shapes.Note, 400, 404, 409, status=201),
)
def add_note(id: ProfileId, given: Annotated[shapes.NewNote, Body()]) -> Response[Any]:
    """Its author is the caller. An erasure of the person removes it."""
    return answer(notes.add(path_value(id), caller(), given.text), 201)


@router.delete(
    "/profiles/<id>/notes/<note>",
    summary="Remove a note",
    tags=["notes"],
    responses=documented(Removed, 400, 404, 409),
)
def remove_note(id: ProfileId, note: Annotated[str, Path(description="The note's id")]) -> Response[Any]:
    """Gone for good."""
    notes.remove(path_value(id), path_value(note))
    return answer({"removed": True})
