"""The keys and definitions of the local stack. They are known to everybody, and exist only where `local/` put them."""

from collections.abc import Mapping
from typing import Any

from localstack_client.session import Session

from cdp_core import clock
from cdp_core.domain.catalogue import ActivityType, Consent, ConsentText, Form
from cdp_core.domain.channels import LEVELS, Channel
from cdp_core.tables import catalogue
from cdp_core.tables.channels import save_channel, save_write_key
from local.settings import REGION

WRITE_KEY = "local-write-key"
SECRET_KEY = "local-secret-key"
CONSENT_KEY = "local-consent-key"
HEADLESS_KEY = "local-headless-key"
ADMIN_KEY = "local-admin-key"
_CHANNELS = (
    (Channel(code_name="website", name="Website", type="website"), WRITE_KEY, False),
    (Channel(code_name="server", name="Server", type="server"), SECRET_KEY, True),
    (
        Channel(
            code_name="consent-website",
            name="Website that asks first",
            type="website",
            cookie_level=LEVELS["essential"],
        ),
        CONSENT_KEY,
        False,
    ),
    (Channel(code_name="headless", name="Headless", type="headless", consent_gate=False), HEADLESS_KEY, False),
)
_TRACKING = Consent(
    code_name="tracking",
    name="Tracking",
    texts={
        "en": ConsentText(
            short="May we remember what you do on this website?",
            full="<p>We remember the pages that you visit and what you do on them. You can withdraw at any time.</p>",
        ),
        "cs": ConsentText(
            short="Můžeme si pamatovat, co na tomto webu děláte?",
            full="<p>Pamatujeme si stránky, které navštívíte, a co na nich děláte. Souhlas můžete kdykoli odvolat.</p>",
        ),
    },
)
_FORM = Form(
    code_name="contact-us",
    name="Contact us",
    fields={"email": "email", "first_name": "first_name", "last_name": "last_name", "message": None},
)
_BROCHURE = ActivityType(
    code_name="brochure_download", name="Brochure download", description="Somebody took a brochure"
)


def seed(names: Mapping[str, str]) -> None:
    """Makes sure that the local channels, keys and definitions exist. The process's settings name the tables."""
    for channel, key, is_secret in _CHANNELS:
        save_channel(channel)
        save_write_key(key, channel=channel.code_name, secret=is_secret, created_at=clock.now_ms())
    _define()
    _set_secret(Session(region_name=REGION).client("secretsmanager"), names["AdminKeySecret"], ADMIN_KEY)


def _define() -> None:
    """Definitions for the demo, unless somebody changed them."""
    known = catalogue.load()
    if _FORM.code_name not in known.forms:
        catalogue.save_form(_FORM)
    if _BROCHURE.code_name not in known.types:
        catalogue.save_type(_BROCHURE)
    if catalogue.find_consent(_TRACKING.code_name) is None:
        catalogue.save_consent(_TRACKING, at=clock.now_ms())


def _set_secret(secrets: Any, name: str, value: str) -> None:
    if secrets.get_secret_value(SecretId=name)["SecretString"] != value:
        secrets.put_secret_value(SecretId=name, SecretString=value)
