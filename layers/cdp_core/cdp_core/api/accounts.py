"""Shapes of accounts, members and customers."""

from typing import Annotated, Any

from pydantic import BaseModel, Field

from cdp_core.api.models import PROFILE, PROFILE_ID, Profile, example, taken
from cdp_core.domain.identity import MAX_IDENTIFIER

Id = Annotated[str, Field(min_length=1, max_length=MAX_IDENTIFIER, pattern=r"^[^\x00-\x1f\x7f]+$")]
Fields = Annotated[
    dict[str, Any], Field(max_length=300, description="Values by field as of a contact; others under `custom`")
]
_ACCOUNT = {
    "account_id": "acme",
    "name": "Acme",
    "fields": {"website": "https://acme.example", "custom": {"plan": "pro"}},
    "updated_at": "2026-01-31T12:00:00.000Z",
}
_CONTACT = {
    "profile_id": PROFILE_ID,
    "display_name": "ann@example.com",
    "email": "ann@example.com",
    "role": "decision_maker",
    "since": "2026-01-31T12:00:00.000Z",
}


class NewAccount(BaseModel):
    """An account to create; its id is the `groupId` of clients."""

    model_config = taken(account_id="acme", name="Acme", fields={"custom": {"plan": "pro"}})
    account_id: Id
    name: Annotated[str | None, Field(min_length=1, max_length=200)] = None
    fields: Fields = {}


class AccountChanges(BaseModel):
    """What is not named stays; null removes."""

    model_config = taken(name="Acme Ltd", fields={"website": None})
    name: Annotated[str | None, Field(min_length=1, max_length=200)] = None
    fields: Fields = {}


class Account(BaseModel):
    """A company that people belong to."""

    model_config = example(**_ACCOUNT)
    account_id: str
    name: str | None
    fields: dict[str, Any]
    updated_at: str | None


class FieldSource(BaseModel):
    """Where a field's value comes from: a channel, or `admin`."""

    field: str
    source: str
    time: str
    message_id: str


class ContactCount(BaseModel):
    """How many people an account has. Where it has very many, those among the first."""

    count: int
    complete: Annotated[bool, Field(description="False where there may be more")]


class AccountRead(Account):
    """An account with where its fields come from and how many contacts it has."""

    model_config = example(
        **_ACCOUNT,
        sources=[{"field": "name", "source": "website", "time": "2026-01-31T12:00:00.000Z", "message_id": "m-1"}],
        contacts={"count": 3, "complete": True},
    )
    sources: list[FieldSource]
    contacts: ContactCount


class AccountList(BaseModel):
    """A page of accounts; `cursor` goes on, null at the end."""

    model_config = example(items=[_ACCOUNT], cursor=None)
    items: list[Account]
    cursor: str | None


class AccountContact(BaseModel):
    """Somebody who belongs to an account."""

    model_config = example(**_CONTACT)
    profile_id: str
    display_name: str
    email: str | None
    role: str | None
    since: str
    hidden: Annotated[bool | None, Field(description="True where personal data is hidden from the caller")] = None


class AccountContactList(BaseModel):
    """A page of an account's contacts; `cursor` goes on, null at the end."""

    model_config = example(items=[_CONTACT], cursor=None)
    items: list[AccountContact]
    cursor: str | None


class Role(BaseModel):
    """The role that somebody has in an account."""

    model_config = taken(role="decision_maker")
    role: Annotated[str | None, Field(min_length=1, max_length=50, description="Code name of a role")] = None


class Joined(BaseModel):
    """Somebody belongs to an account."""

    model_config = example(profile_id=PROFILE_ID, account_id="acme", role="decision_maker")
    profile_id: str
    account_id: str
    role: str | None


_MEMBER = {
    "member_id": "42",
    "profile_id": PROFILE_ID,
    "display_name": "ann@example.com",
    "registration": {"member_id": "42", "registered_at": "2026-01-02T03:04:06.000Z"},
}
_CUSTOMER = {
    "customer_id": "C-7",
    "profile_id": PROFILE_ID,
    "display_name": "ann@example.com",
    "registration": {"customer_id": "C-7"},
}


class MemberShown(BaseModel):
    """A member, and whose profile it is; nulls once the person was erased."""

    member_id: str
    profile_id: str | None
    display_name: str | None
    registration: dict[str, Any] | None


class MemberList(BaseModel):
    """A page of members; `cursor` goes on, null at the end."""

    model_config = example(items=[_MEMBER], cursor=None)
    items: list[MemberShown]
    cursor: str | None


class Member(MemberShown):
    """A member with the profile."""

    model_config = example(**_MEMBER, profile=PROFILE)
    profile: Profile | None


class CustomerShown(BaseModel):
    """A customer, and whose profile it is; nulls once the person was erased."""

    customer_id: str
    profile_id: str | None
    display_name: str | None
    registration: dict[str, Any] | None


class CustomerList(BaseModel):
    """A page of customers; `cursor` goes on, null at the end."""

    model_config = example(items=[_CUSTOMER], cursor=None)
    items: list[CustomerShown]
    cursor: str | None


class Customer(CustomerShown):
    """A customer with the profile."""

    model_config = example(**_CUSTOMER, profile=PROFILE)
    profile: Profile | None
