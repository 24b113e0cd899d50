"""An admin's change takes effect before the answer: its envelope is applied here, exactly as the flush would."""

import secrets
import uuid
from collections import Counter
from collections.abc import Mapping
from typing import Any

from cdp_core import clock
from cdp_core.domain.envelope import Envelope, Event, envelope_key
from cdp_core.domain.identity import ANONYMOUS_ID, USER_ID, Identifier
from cdp_core.errors import Contended, InvalidInput
from cdp_core.usecases.apply_envelopes import apply_envelopes

ADMIN = "admin"  # the source of what admins say, where a channel stands for what clients say; and its legal basis
_MILLISECONDS = 20_000


def apply_edits(identifiers: Mapping[str, str], said: Mapping[str, Any], *, time: int) -> str:
    """Stores what an admin said (registers) of the person with these identifiers (by kind); its message id. `time` in ms.

    Raises Contended if others changed the profile too often; the request may be sent again. Raises InvalidInput if the person is
    suppressed.
    """
    now = clock.now_ms()
    event = Event(
        type="identify",
        message_id=f"admin-{uuid.uuid4()}",
        user_id=identifiers.get(USER_ID),
        anonymous_id=identifiers.get(ANONYMOUS_ID),
        time=time,
        authority=True,
        body={"edits": dict(said)},
    )
    envelope = admin_envelope(event, received_at=now)
    counts: Counter[str] = Counter()
    failed = apply_envelopes({envelope.key: envelope}, {envelope.key: 1}, lambda: _MILLISECONDS, counts)
    if failed:
        raise Contended("the profile changed too often; send the request again")
    if counts["suppressed"]:
        raise InvalidInput(
            "the person is suppressed: nothing about them is stored until that is lifted", code="suppressed"
        )
    return event.message_id


def admin_envelope(event: Event, *, received_at: int) -> Envelope:
    """A new envelope around one event of an admin's."""
    return Envelope(
        key=envelope_key(received_at, secrets.token_bytes(6)),
        received_at=received_at,
        channel=ADMIN,
        write_key="",
        legal_basis=ADMIN,
        events=(event,),
    )


def by_kind(identifier: Identifier) -> dict[str, str]:
    """An identifier as the only one of an event."""
    return {identifier.kind: identifier.value}
