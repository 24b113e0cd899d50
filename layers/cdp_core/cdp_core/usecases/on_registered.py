"""The on-registered handler: what becomes of a person who registers as a member. The deployment may bring its own."""

import importlib
from collections.abc import Callable
from functools import cache

from cdp_core.config import Misconfigured, settings
from cdp_core.domain.registration import Handler, Registered, Registration, on_registered

OwnHandler = Callable[[Registration, Handler], Registered]


@cache
def handler() -> Handler:
    """The default, or the deployment's own, `ON_REGISTERED=module:function`. Raises Misconfigured if that cannot be loaded."""
    if not settings().on_registered:
        return on_registered
    own = _load(settings().on_registered)
    return lambda registration: _called(own, registration)


def _load(name: str) -> OwnHandler:
    module, _, function = name.partition(":")
    try:
        own: OwnHandler = getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError) as error:
        raise Misconfigured(f"ON_REGISTERED names {name}, which cannot be loaded") from error
    return own


def _called(own: OwnHandler, registration: Registration) -> Registered:
    """The own handler's answer; it gets the default to call. A failure costs this event only: it becomes a dead letter."""
    try:
        made = own(registration, on_registered)
    except Exception as error:
        raise ValueError(f"the on-registered handler raised {type(error).__name__}") from error
    if not isinstance(made, Registered):
        raise TypeError("the on-registered handler must return Registered")
    return made
