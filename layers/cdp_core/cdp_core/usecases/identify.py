"""Who makes a request to the profiles API: the holder of an admin key or of a token."""

import hashlib
import hmac

from cdp_core.domain.access import ADMIN, Caller, caller_with
from cdp_core.errors import Unauthorized
from cdp_core.secrets import admin_key

_FIRST = "key:first"


def identify(authorization: str) -> Caller:
    """The caller of an Authorization header. Raises Unauthorized; the comparison takes the same time for every token."""
    digests = [
        hashlib.sha256(text.encode(errors="replace")).digest() for text in (authorization, f"Bearer {admin_key()}")
    ]
    if not hmac.compare_digest(*digests):
        raise Unauthorized("this needs the header Authorization: Bearer <admin key>")
    return caller_with(_FIRST, "First admin key", ADMIN)
