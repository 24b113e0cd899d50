"""Every error this product raises on purpose, in one tree.

CdpError
├── InvalidInput            the caller's fault; the message names the field and the limit
│   ├── TooLarge            a body or a batch over its limit
│   ├── UnsupportedEncoding a content encoding we cannot read
│   ├── Refused             one event that cannot be kept; its neighbours go on
│   └── Ambiguous           an identifier that several profiles hold
├── Unauthorized            no key, or not a valid one
├── Forbidden               the key is valid, but not for this
│   └── OriginNotAllowed    a browser on a page of a website that the channel does not know
├── NotFound                no such profile, job, channel
├── RateLimited             too many requests of one caller in a minute
├── ChannelDisabled         the key is right, its channel is switched off
└── TryAgain                our trouble: throttled, unavailable, lost answer, raced
    ├── Unavailable         a store did not answer with certainty
    ├── Contended           a compare-and-swap lost too often
    └── Restoring           the tables are being restored from backup
"""


class CdpError(Exception):
    """Base of the tree. `code` is stable and machine-readable, the message is for people."""

    code = "error"


class InvalidInput(CdpError):
    """The caller sent something that cannot be accepted."""

    code = "invalid_request"

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        self.code = code or type(self).code


class TooLarge(InvalidInput):
    """A body or a batch over its documented limit."""

    code = "too_large"


class UnsupportedEncoding(InvalidInput):
    """A content encoding other than gzip or identity."""

    code = "unsupported_encoding"


class Refused(InvalidInput):
    """One event that cannot be kept. `code` is the reason its dead letter carries."""

    code = "refused"


class Ambiguous(InvalidInput):
    """Several profiles hold this identifier; `profile_ids` names them."""

    code = "ambiguous"

    def __init__(self, message: str, profile_ids: list[str]) -> None:
        super().__init__(message)
        self.profile_ids = profile_ids


class Unauthorized(CdpError):
    """No key, or not a valid one."""

    code = "unauthorized"


class Forbidden(CdpError):
    """The key is valid, but has no right to this."""

    code = "forbidden"


class OriginNotAllowed(Forbidden):
    """The channel has a list of web origins, and the browser's page is of none of them."""

    code = "origin_not_allowed"


class NotFound(CdpError):
    """No such thing, or no longer."""

    code = "not_found"


class RateLimited(CdpError):
    """Too many requests of one caller; `seconds` says when there is room again."""

    code = "rate_limited"

    def __init__(self, message: str, seconds: int) -> None:
        super().__init__(message)
        self.seconds = seconds


class ChannelDisabled(CdpError):
    """The write key is known, its channel is switched off."""

    code = "channel_disabled"


class TryAgain(CdpError):
    """Our trouble, not the caller's: the same request may succeed later."""

    code = "try_again"


class Unavailable(TryAgain):
    """A store refused, timed out or answered without certainty."""

    code = "unavailable"


class Contended(TryAgain):
    """A conditional write lost against others too often."""

    code = "contended"


class Restoring(TryAgain):
    """The tables are being restored from backup: nobody may read profiles until the erasures since then are done again."""

    code = "restoring"
