"""Who asks, for the routes: the handler says so before it routes a request."""

from contextvars import ContextVar

from cdp_core.domain.access import Caller, Scope
from cdp_core.errors import Forbidden

_CALLER: ContextVar[Caller] = ContextVar("caller")


def set_caller(asking: Caller) -> None:
    """Says who makes the request that this process serves now."""
    _CALLER.set(asking)


def caller() -> Caller:
    """Who makes this request."""
    return _CALLER.get()


def require(scope: Scope) -> None:
    """For what only some requests to a route need. Raises Forbidden, naming the scope."""
    if not caller().may(scope):
        raise Forbidden(f"this needs the scope {scope}")
