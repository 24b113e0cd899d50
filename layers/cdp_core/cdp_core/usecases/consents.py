"""The public side of consents (K-01 to K-04): their texts, and what one person agreed to or withdrew."""

import re
import uuid
from typing import Any

from cdp_core import clock
from cdp_core.domain.catalogue import Consent, ConsentText, text_version
from cdp_core.domain.channels import WriteKey
from cdp_core.domain.consent import Entry, added, deciding
from cdp_core.domain.counting import TRIES
from cdp_core.domain.identity import ANONYMOUS_ID, USER_ID, Identifier, leaf_id, parse_identifier
from cdp_core.domain.links import Tree
from cdp_core.errors import Contended, Forbidden, InvalidInput, NotFound, Unavailable
from cdp_core.secrets import identity_key
from cdp_core.tables import catalogue, consents, links
from cdp_core.usecases.shared_consents import history_of, identified

# Whoever knows such an id is the person: 22 characters of 64 can hold 122 random bits, and a uuid does.
_UNGUESSABLE = re.compile(r"[A-Za-z0-9_-]{22,200}")
_FALLBACK = "en"
_NO_TEXT = ConsentText(short="", full="")


def new_contact() -> dict[str, Any]:
    """A new unguessable id (K-02). Nothing is stored: it becomes a person with its first decision or activity."""
    return {"contact": str(uuid.uuid4())}


def text(code: str, language: str | None) -> dict[str, Any]:
    """What the consent says, in the language or the nearest one (K-01). Raises NotFound."""
    found = _find(code)
    shown = found.texts.get(_language(found, language), _NO_TEXT)
    return {"shortText": shown.short, "fullText": shown.full}


def status(key: WriteKey, contact: str, code: str) -> dict[str, Any]:
    """Whether the person agreed (K-04); somebody unknown did not. Raises NotFound, Forbidden, InvalidInput."""
    _find(code)
    person = _person(key, contact)
    decided = deciding(consents.histories([person]).get(person, ())).get(code)
    return {"isAgreed": decided is not None and decided.agreed}


def decide(key: WriteKey, contact: str, code: str, *, agreed: bool, language: str | None) -> None:
    """Stores an agreement or a withdrawal for the whole profile; it holds for everything received from the answer on (K-03).

    Raises NotFound for an unknown consent, Forbidden, InvalidInput, Contended.
    """
    consent, person = _find(code), _person(key, contact)
    spoken = _language(consent, language)
    leaf = leaf_id(identity_key(), person)
    for _ in range(TRIES):
        tree, now = links.load_tree(leaf), clock.now_ms()
        people = identified([*tree.leaves.values()], {leaf: str(person)})
        history = history_of(people)
        entry = Entry(
            code=code,
            agreed=agreed,
            at=now,
            rank=now,
            text=text_version(consent.texts.get(spoken, _NO_TEXT)),
            language=spoken,
            channel=key.channel.code_name,
            leaf=leaf,
        )
        puts = [consents.put(one, other.epoch, added(history, entry)) for one, other in people.items()]
        if _stored(tree, leaf, str(person), now, puts):
            return
    raise Contended("the profile changed too often; send the decision again")


def _stored(tree: Tree, leaf: str, identifier: str, now: int, puts: list[dict[str, Any]]) -> bool:
    """Whether it was stored for certain; a lost answer counts as a lost race, and the same decision again changes nothing."""
    try:
        return links.decide(tree.leaves[leaf], identifier, tree.leaves[tree.root], now, puts)
    except Unavailable:
        return False


def _find(code: str) -> Consent:
    found = catalogue.find_consent(code)
    if found is None:
        raise NotFound("there is no such consent")
    return found


def _language(consent: Consent, asked: str | None) -> str:
    """The language of the text that people are shown: the one asked for, without its region, English, or the first there is."""
    by_name = {name.lower(): name for name in consent.texts}
    wanted = (asked or "").lower()
    choices = (wanted, wanted.partition("-")[0], _FALLBACK, *sorted(by_name))
    return next((by_name[name] for name in choices if name in by_name), "")


def _person(key: WriteKey, contact: str) -> Identifier:
    """Who is meant: an unguessable id, or with a secret key any identifier."""
    named = parse_identifier(contact)
    if key.secret and named is not None and named.kind in (USER_ID, ANONYMOUS_ID):
        return named
    if named is not None and named.kind == USER_ID:
        raise Forbidden("the consents of a user_id need a secret key")
    value = named.value if named is not None and named.kind == ANONYMOUS_ID else contact
    if not key.secret and not _UNGUESSABLE.fullmatch(value):
        raise InvalidInput("contact must be an unguessable id: a uuid, or 22 to 200 letters, digits, - and _")
    return Identifier(ANONYMOUS_ID, value)
