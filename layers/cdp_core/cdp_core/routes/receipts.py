"""Routes of receipts: where an event is, and why not."""

from typing import Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from cdp_core.api import privacy, receipts
from cdp_core.api.http import answer, documented, path_value
from cdp_core.domain.access import Scope
from cdp_core.routes.callers import caller, require
from cdp_core.routes.lists import instant
from cdp_core.usecases.event_receipt import Asked, receipt

router = APIGatewayHttpRouter()


@router.get(
    "/receipts/<message_id>",
    summary="Find an event",
    tags=["receipts"],
    responses=documented(receipts.EventReceipt, 400, 404, 409),
)
def get_event_receipt(
    message_id: receipts.MessageId,
    id: receipts.Whose,
    timestamp: receipts.Timestamp = None,
    received_at: receipts.ReceivedAt = None,
    type: receipts.TypeName = None,
) -> Response[Any]:
    """Where an event of a person is, and why not. Without a timestamp only the latest activities are looked at."""
    if id.casefold().startswith("email:"):
        require(Scope.PERSONAL_READ)
    asked = Asked(
        message_id=path_value(message_id),
        id=id,
        timestamp=instant("timestamp", timestamp),
        received_at=instant("received_at", received_at),
        type=type,
    )
    found = receipt(asked)
    return answer(found if caller().may(Scope.PERSONAL_READ) else privacy.hidden_receipt(found))
