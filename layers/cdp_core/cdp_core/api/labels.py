"""Shapes of the lists that admins define to sort things by: contact statuses, roles in accounts."""

from typing import Annotated

from pydantic import BaseModel, Field

from cdp_core.api.models import CodeName, Name, example, taken

Description = Annotated[str, Field(max_length=1_000)]
_LABEL = {"code_name": "lead", "name": "Lead", "description": "Somebody who may become a customer"}


class NewLabel(BaseModel):
    """An entry to define."""

    model_config = taken(**_LABEL)
    code_name: CodeName
    name: Name
    description: Description = ""


class LabelChanges(BaseModel):
    """What is not named stays."""

    model_config = taken(name="Warm lead")
    name: Name | None = None
    description: Description | None = None


class Label(BaseModel):
    """One entry."""

    model_config = example(**_LABEL)
    code_name: str
    name: str
    description: str


class LabelList(BaseModel):
    """All entries."""

    model_config = example(items=[_LABEL], cursor=None)
    items: list[Label]
    cursor: None
