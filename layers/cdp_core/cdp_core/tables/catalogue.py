"""Gateway of the catalogue: activity types (defined and discovered), forms, custom fields, consents and their texts."""

from functools import cache
from typing import Any

from cdp_core import clock
from cdp_core.config import settings
from cdp_core.domain.catalogue import ActivityType, Catalogue, Consent, ConsentText, CustomField, Form, text_version
from cdp_core.tables import dynamo
from cdp_core.tables.codec import from_json, to_json
from cdp_core.tables.dynamo import Item

CACHE_SECONDS = 60  # a changed definition holds no later than this
_PARTITION = "catalogue"
_CONSENTS = "consents"
_COUNTER = (_PARTITION, "counter#discovered_types")
_TYPE, _FORM, _FIELD = "activity_type#", "form#", "field#"


def load() -> Catalogue:
    """Everything but the consents, strongly read."""
    items = [item for page in _query(_PARTITION, "") for item in page["Items"]]
    types = (_activity_type(item) for item in _of(items, _TYPE))
    forms = (Form(code_name=_name(item, _FORM), **from_json(item["d"]["S"])) for item in _of(items, _FORM))
    fields = (_field(item) for item in _of(items, _FIELD))
    return Catalogue(
        types={one.code_name: one for one in types},
        forms={one.code_name: one for one in forms},
        fields={(one.entity, one.name): one for one in fields},
    )


def remembered() -> Catalogue:
    """The catalogue as it was at most CACHE_SECONDS ago, and the read of at most one process a minute."""
    at, _ = _cache().get("catalogue", (0, None))
    if not clock.is_recent(at, seconds=CACHE_SECONDS):
        _cache()["catalogue"] = (clock.now_ms(), load())
    return _cache()["catalogue"][1]


@cache
def _cache() -> dict[str, tuple[int, Catalogue]]:
    return {}


def discovered_types() -> set[str]:
    """The code names of all activity types that are not built in."""
    return {_name(item, _TYPE) for page in _query(_PARTITION, _TYPE) for item in page["Items"]}


def discover_type(code_name: str, display_name: str, *, discovered_at: int) -> bool:
    """Adds an activity type unless the deployment has its limit. False if it does, or if the type is known already."""
    table = settings().profiles_table
    limit = settings().max_discovered_types
    item = dynamo.key_of((_PARTITION, _TYPE + code_name))
    item |= {"name": {"S": display_name}, "discovered": {"N": str(discovered_at)}}
    counter = {
        "TableName": table,
        "Key": dynamo.key_of(_COUNTER),
        "UpdateExpression": "ADD n :one",
        "ConditionExpression": "attribute_not_exists(n) OR n < :limit",
        "ExpressionAttributeValues": {":one": {"N": "1"}, ":limit": {"N": str(limit)}},
    }
    put = {"TableName": table, "Item": item, "ConditionExpression": "attribute_not_exists(pk)"}
    return limit > 0 and dynamo.transact([{"Put": put}, {"Update": counter}])


def save_type(one: ActivityType) -> None:
    """Stores an activity type as it is defined now."""
    item: Item = {"name": {"S": one.name}, "text": {"S": one.description}, "enabled": {"BOOL": one.enabled}}
    item |= {"confirmed": {"BOOL": one.confirmed}}
    item |= {"discovered": {"N": str(one.discovered_at)}} if one.discovered_at is not None else {}
    _put(_PARTITION, _TYPE + one.code_name, item)


def save_form(form: Form) -> None:
    """Stores a form as it is defined now."""
    plain = {"name": form.name, "fields": dict(form.fields), "enabled": form.enabled, "success_url": form.success_url}
    _put(_PARTITION, _FORM + form.code_name, {"d": {"S": to_json(plain)}})


def save_field(field: CustomField) -> None:
    """Stores a custom field as it is defined now."""
    plain = {name: getattr(field, name) for name in field._fields if name not in ("entity", "name")}
    _put(_PARTITION, f"{_FIELD}{field.entity}#{field.name}", {"d": {"S": to_json(plain)}})


def remove_form(code_name: str) -> None:
    """Removes a form; submissions of it stay."""
    _delete(_FORM + code_name)


def remove_field(entity: str, name: str) -> None:
    """Removes a custom field's definition; values stay."""
    _delete(f"{_FIELD}{entity}#{name}")


def save_consent(consent: Consent, *, at: int) -> None:
    """Stores a consent as it is now, and keeps every version of its texts for good. `at` is in ms."""
    texts = {language: {"short": text.short, "full": text.full} for language, text in consent.texts.items()}
    _put(_CONSENTS, consent.code_name, {"d": {"S": to_json({"name": consent.name, "texts": texts})}})
    for language, text in consent.texts.items():
        version = {"at": {"N": str(at)}, "language": {"S": language}, "d": {"S": to_json(texts[language])}}
        _put(f"{_CONSENTS}#{consent.code_name}", text_version(text), version, once=True)


def find_consent(code_name: str) -> Consent | None:
    """The consent as it is now, or None."""
    item = dynamo.get(settings().profiles_table, (_CONSENTS, code_name))
    return _consent(item) if item else None


def all_consents() -> list[Consent]:
    """Every consent as it is now, by code name."""
    return [_consent(item) for page in _query(_CONSENTS, "") for item in page["Items"]]


def consent_versions(code_name: str) -> list[tuple[str, str, int, ConsentText]]:
    """Every version of a consent's texts: version, language, since when (ms), text; oldest first."""
    items = [item for page in _query(f"{_CONSENTS}#{code_name}", "") for item in page["Items"]]
    found = [
        (_name(i, ""), i["language"]["S"], int(i["at"]["N"]), ConsentText(**from_json(i["d"]["S"]))) for i in items
    ]
    return sorted(found, key=lambda one: (one[2], one[1], one[0]))


def _query(pk: str, prefix: str) -> Any:
    condition, values = "pk = :pk", {":pk": {"S": pk}}
    if prefix:
        condition, values = f"{condition} AND begins_with(sk, :prefix)", values | {":prefix": {"S": prefix}}
    return dynamo.query(settings().profiles_table, condition=condition, values=values, ConsistentRead=True)


def _put(pk: str, sk: str, attributes: Item, *, once: bool = False) -> None:
    item = dynamo.key_of((pk, sk)) | attributes
    condition = {"ConditionExpression": "attribute_not_exists(pk)"} if once else {}
    dynamo.call("PutItem", TableName=settings().profiles_table, Item=item, **condition)


def _delete(sk: str) -> None:
    dynamo.call("DeleteItem", TableName=settings().profiles_table, Key=dynamo.key_of((_PARTITION, sk)))


def _of(items: list[Item], prefix: str) -> list[Item]:
    return [item for item in items if item["sk"]["S"].startswith(prefix)]


def _name(item: Item, prefix: str) -> str:
    name: str = item["sk"]["S"]
    return name.removeprefix(prefix)


def _activity_type(item: Item) -> ActivityType:
    """A type that was only discovered has a name and a time."""
    is_defined = "confirmed" in item
    return ActivityType(
        code_name=_name(item, _TYPE),
        name=item["name"]["S"],
        description=item["text"]["S"] if is_defined else "",
        enabled=item["enabled"]["BOOL"] if is_defined else True,
        confirmed=item["confirmed"]["BOOL"] if is_defined else False,
        discovered_at=int(item["discovered"]["N"]) if "discovered" in item else None,
    )


def _field(item: Item) -> CustomField:
    entity, _, name = _name(item, _FIELD).partition("#")
    plain = from_json(item["d"]["S"])
    return CustomField(entity=entity, name=name, **{**plain, "choices": tuple(plain["choices"])})


def _consent(item: Item) -> Consent:
    plain = from_json(item["d"]["S"])
    texts = {language: ConsentText(**text) for language, text in plain["texts"].items()}
    return Consent(code_name=item["sk"]["S"], name=plain["name"], texts=texts)
