"""Who may do what with the profiles API: scopes, and the roles that bundle them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum


class Scope(StrEnum):
    """One right. Routes ask for exactly one (`cdp_core.routes.scopes`)."""

    PROFILES_READ = "profiles:read"
    PERSONAL_READ = "personal:read"
    PROFILES_WRITE = "profiles:write"
    PROFILES_MERGE = "profiles:merge"
    PROFILES_DELETE = "profiles:delete"
    PROFILES_EXPORT = "profiles:export"
    PROFILES_IMPORT = "profiles:import"
    CATALOGUE_READ = "catalogue:read"
    CATALOGUE_WRITE = "catalogue:write"
    CHANNELS = "channels:manage"
    ACCESS = "access:manage"
    OPERATIONS = "operations:manage"


VIEWER, EDITOR, ADMIN = "viewer", "editor", "admin"
_VIEWS = frozenset({Scope.PROFILES_READ, Scope.CATALOGUE_READ})
_EDITS = _VIEWS | {Scope.PERSONAL_READ, Scope.PROFILES_WRITE, Scope.PROFILES_IMPORT, Scope.CATALOGUE_WRITE}
ROLES: Mapping[str, frozenset[Scope]] = {VIEWER: _VIEWS, EDITOR: _EDITS, ADMIN: frozenset(Scope)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who asks: an id that says nothing about a person, a name for people (of the key, or from the token), and the rights."""

    id: str
    name: str
    role: str
    scopes: frozenset[Scope]

    def may(self, scope: Scope) -> bool:
        """Whether the caller has this right."""
        return scope in self.scopes


def caller_with(id: str, name: str, role: str, grants: Iterable[str] = ()) -> Caller:
    """A caller with the rights of a role and those granted besides; what is no scope grants nothing."""
    granted = {Scope(text) for text in grants if text in set(Scope)}
    return Caller(id=id, name=name, role=role, scopes=ROLES.get(role, frozenset()) | granted)
