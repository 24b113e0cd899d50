"""What tracking asks of the definitions."""

from cdp_core.domain.catalogue import Form
from cdp_core.errors import NotFound
from cdp_core.tables import catalogue


def find_form(code_name: str) -> Form:
    """The form, if submissions of it are wanted. Raises NotFound."""
    form = catalogue.remembered().forms.get(code_name)
    if form is None or not form.enabled:
        raise NotFound("there is no such form")
    return form
