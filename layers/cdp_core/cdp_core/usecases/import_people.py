"""Whom the rows of an import are about: people by user id, or by an address that exactly one profile has."""

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from cdp_core.domain import contact, listing
from cdp_core.domain.contact import Registers
from cdp_core.domain.identity import ANONYMOUS_ID, USER_ID, Identifier, leaf_id
from cdp_core.domain.import_rows import EMAIL, address_key, anonymous_id
from cdp_core.domain.leaf import Leaf
from cdp_core.errors import NotFound, Refused
from cdp_core.secrets import identity_key
from cdp_core.tables import contacts, leaves
from cdp_core.tables import listing as index
from cdp_core.usecases import profiles
from cdp_core.usecases.profiles import Profile
from cdp_core.usecases.resolve import Named

MAX_ATTEMPTS = 8  # people made by one address who all have another one by now
_HOLDERS = 20
_THREADS = 16


@dataclass(frozen=True, slots=True)
class Person:
    """The leaf that a row is about, the profile's root, and what is stored of them; nobody yet if `registers` is None."""

    leaf: Leaf
    root: str
    registers: Registers | None


Found = Mapping[str, Person | Refused]


def find(key: str, values: Iterable[str]) -> Found:
    """Whom these keys mean, nobody included; a Refused where that is not one person. All reads that decide are strong."""
    wanted = list(dict.fromkeys(values))
    return _by_address(wanted) if key == EMAIL else _by_user_id(wanted)


def identifier_of(key: str, value: str, leaf: Leaf) -> Identifier | None:
    """The identifier that makes a leaf, when a row with this key is stored there; None if nothing tells it any more."""
    if key != EMAIL:
        return Identifier(USER_ID, value)
    for attempt in range(MAX_ATTEMPTS):
        made = _made(value, attempt)
        if leaf_id(identity_key(), made) == leaf.id:
            return made
    kind, _, name = leaf.identifier.partition(":")
    return Identifier(kind, name) if name else None


def _made(address: str, attempt: int) -> Identifier:
    return Identifier(ANONYMOUS_ID, anonymous_id(identity_key(), address, attempt))


def _by_user_id(values: Sequence[str]) -> Found:
    named = {value: leaf_id(identity_key(), Identifier(USER_ID, value)) for value in values}
    known = leaves.load_many(named.values())
    found = _profiles(known.values())
    return {value: _person(known[leaf], found.get(leaf)) for value, leaf in named.items()}


def _person(leaf: Leaf, profile: Profile | None) -> Person:
    return Person(leaf, profile.root.id, profile.registers) if profile else Person(leaf, leaf.id, None)


def _by_address(values: Sequence[str]) -> Found:
    """Those that the index names, and those whom an import made by the address, whether the index has them yet or not."""
    with ThreadPoolExecutor(_THREADS) as pool:
        listed = dict(zip(values, pool.map(_listed, values), strict=True))
    own = {value: leaf_id(identity_key(), _made(value, 0)) for value in values}
    known = leaves.load_many([*own.values(), *(leaf for many in listed.values() for leaf in many)])
    found = _profiles(known.values())
    return {value: _holder(value, [own[value], *listed[value]], known, found) for value in values}


def _listed(address: str) -> list[str]:
    """Leaves that the index names for an address; it may be behind the truth."""
    wanted = listing.key_text(address)
    hits = index.page(
        listing.email_shard(wanted), span=index.starting_with(f"{wanted}#"), newest_first=False, limit=_HOLDERS
    )
    return [hit.leaf for hit in hits]


def _holder(
    address: str, candidates: Iterable[str], known: Mapping[str, Leaf], found: Mapping[str, Profile]
) -> Person | Refused:
    holders = {
        profile.root.id: profile for leaf in candidates if (profile := found.get(leaf)) and _has(profile, address)
    }
    if len(holders) > 1:
        return Refused("several profiles have this address: merge them, or import by user_id", code="ambiguous")
    for profile in holders.values():
        return Person(profile.root, profile.root.id, profile.registers)
    return _made_by(address, known)


def _made_by(address: str, known: Mapping[str, Leaf]) -> Person | Refused:
    """The first leaf for this address that nobody has, or whose person has the address."""
    for attempt in range(MAX_ATTEMPTS):
        name = leaf_id(identity_key(), _made(address, attempt))
        leaf = known[name] if name in known else leaves.load(name)
        profile = _profiles([leaf]).get(name) if leaf.is_live else None
        if profile is None:
            return Person(leaf, name, None)
        if _has(profile, address):
            return Person(profile.root, profile.root.id, profile.registers)
    return Refused(f"{MAX_ATTEMPTS} people were imported by this address and have another one by now", code="ambiguous")


def _has(profile: Profile, address: str) -> bool:
    return address_key(contact.email(profile.registers)) == address_key(address)


def _profiles(many: Iterable[Leaf]) -> dict[str, Profile]:
    """The profiles that the live ones of these leaves belong to, strongly read; most are of one leaf and take one batch."""
    live = [leaf for leaf in many if leaf.is_live]
    alone = {contacts.contact_key(one.id, one.epoch): one for one in live if one.parent is None and not one.children}
    details = contacts.load_many(alone)
    found = {leaf.id: Profile(leaf, (leaf,), details[key].registers) for key, leaf in alone.items()}
    for leaf in live:
        if leaf.id not in found and (profile := _whole(leaf)) is not None:
            found[leaf.id] = profile
    return found


def _whole(leaf: Leaf) -> Profile | None:
    try:
        return profiles.load(Named(leaf.id, leaf.epoch))
    except NotFound:
        return None
