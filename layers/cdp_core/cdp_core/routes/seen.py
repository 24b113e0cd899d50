"""What a caller may see of people: everything, or figures only."""

from collections.abc import Mapping
from typing import Any

from cdp_core.api.privacy import hidden_activity, hidden_profile
from cdp_core.domain.access import Scope
from cdp_core.routes.callers import caller


def shown_to_caller(profile: Mapping[str, Any]) -> Mapping[str, Any]:
    """A profile or overview as this request's caller may see it."""
    return profile if caller().may(Scope.PERSONAL_READ) else hidden_profile(profile)


def activity_shown_to_caller(activity: Mapping[str, Any]) -> Mapping[str, Any]:
    """An activity as this request's caller may see it."""
    return activity if caller().may(Scope.PERSONAL_READ) else hidden_activity(activity)
