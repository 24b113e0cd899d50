"""The public consent routes (K-01 to K-04), as a website, a headless client and an attacker call them."""

import base64
import json
import uuid
from typing import Any

import pytest

from cdp_core.domain.catalogue import Consent, ConsentText
from cdp_core.domain.channels import Channel
from cdp_core.tables import catalogue, channels
from tests.double import StrictAws
from tests.support.product import ADMIN_KEY, SECRET_KEY, WRITE_KEY, Context, basic, function, request, seed_keys

ANN = "6f1f7c1e-6f0a-4c0e-9d3e-2f4c8b1d9a01"
PATH = f"/Kentico.Tracking/contacts/{ANN}/consents/tracking"


@pytest.fixture(autouse=True)
def _definitions(aws: StrictAws) -> None:
    seed_keys()
    texts = {"en": ConsentText(short="May we?", full="<p>en</p>"), "cs": ConsentText(short="Smíme?", full="<p>cs</p>")}
    catalogue.save_consent(Consent(code_name="tracking", name="Tracking", texts=texts), at=1)


def call(method: str, path: str, body: Any = None, *, key: str = WRITE_KEY, **headers: str) -> tuple[int, Any]:
    """A client's request."""
    data = "" if body is None else json.dumps(body)
    given = {"authorization": f"Bearer {key}"} if key else {}
    answer = function("profiles_api").handler(request(method, path, data, **{**given, **headers}), Context())
    return answer["statusCode"], json.loads(answer["body"])


@pytest.mark.parametrize(
    ("language", "short"),
    [("en", "May we?"), ("cs", "Smíme?"), ("cs-CZ", "Smíme?"), ("CS", "Smíme?"), ("de", "May we?"), (None, "May we?")],
)
def test_k01_the_text_comes_in_the_language_or_the_nearest_one(language: str | None, short: str) -> None:
    query = f"?languageName={language}" if language else ""
    status, text = call("GET", f"/Kentico.Tracking/consents/tracking{query}")
    assert (status, text["shortText"], set(text)) == (200, short, {"shortText", "fullText"})
    assert call("GET", "/Kentico.Tracking/consents/nothing")[0] == 404


def test_k02_a_contact_is_an_id_that_nobody_can_guess_and_nothing_is_stored(aws: StrictAws) -> None:
    before = len(aws.items("profiles"))
    made = [call("POST", "/Kentico.Tracking/contacts")[1]["contact"] for _ in range(3)]
    assert len({uuid.UUID(one) for one in made}) == 3
    assert all(uuid.UUID(one).version == 4 for one in made)
    assert len(aws.items("profiles")) == before


def test_k03_k04_a_person_agrees_and_withdraws() -> None:
    assert call("GET", PATH) == (200, {"isAgreed": False})
    assert call("POST", PATH, {"agree": True}) == (200, {"success": True})
    assert call("GET", PATH) == (200, {"isAgreed": True})
    assert call("POST", PATH, {"Agree": False})[0] == 200
    assert call("GET", PATH) == (200, {"isAgreed": False})


@pytest.mark.parametrize(
    "body", [{}, {"agree": "true"}, {"agree": 1}, {"agree": None}, {"agree": True, "languageName": 5}]
)
def test_what_is_neither_yes_nor_no_changes_nothing(body: dict[str, Any]) -> None:
    call("POST", PATH, {"agree": True})
    assert call("POST", PATH, body)[0] == 400
    assert call("GET", PATH)[1] == {"isAgreed": True}


@pytest.mark.parametrize("headers", [{}, {"authorization": basic(WRITE_KEY)}])
def test_the_key_may_stand_in_the_address_or_in_a_basic_header(headers: dict[str, str]) -> None:
    address = PATH if headers else f"{PATH}?writeKey={WRITE_KEY}"
    assert call("GET", address, key="", **headers)[0] == 200


@pytest.mark.parametrize("key", ["", "unknown", ADMIN_KEY])
def test_without_a_write_key_nothing_is_told(key: str) -> None:
    """K-17. The admin key is not one."""
    for method, path, body in (
        ("GET", PATH, None),
        ("POST", PATH, {"agree": True}),
        ("POST", "/Kentico.Tracking/contacts", None),
    ):
        assert call(method, path, body, key=key)[0] == 401


def test_a_broken_basic_header_is_no_key() -> None:
    for value in ("Basic", "Basic ???", "Basic " + base64.b64encode(b"\xff\xfe").decode()):
        assert call("GET", PATH, key="", authorization=value)[0] == 401


def test_foreign_origins_and_disabled_channels_are_refused() -> None:
    shop = Channel(code_name="shop", name="Shop", type="website", origins=("https://shop.example",))
    channels.save_channel(shop)
    channels.save_write_key("shop-key", channel="shop", secret=False)
    assert call("GET", PATH, key="shop-key", origin="https://evil.example")[1]["error"]["code"] == "origin_not_allowed"
    assert call("GET", PATH, key="shop-key", origin="https://shop.example")[0] == 200
    channels.save_channel(Channel(code_name="off", name="Off", type="website", enabled=False))
    channels.save_write_key("off-key", channel="off", secret=False)
    assert call("GET", PATH, key="off-key")[0] == 404


def test_a_users_consents_are_for_servers() -> None:
    """An attacker who knows a user id learns and changes nothing."""
    path = "/Kentico.Tracking/contacts/user_id%3A42/consents/tracking"
    for method, body in (("GET", None), ("POST", {"agree": False})):
        assert call(method, path, body)[0] == 403
    assert call("POST", path, {"agree": True}, key=SECRET_KEY)[0] == 200
    assert call("GET", path, key=SECRET_KEY)[1] == {"isAgreed": True}


@pytest.mark.parametrize("contact", ["1", "ann", "visitor-1", "a" * 21, "%3Cscript%3Ealert(1)%3C%2Fscript%3E-padding"])
def test_an_id_that_could_be_guessed_is_refused(contact: str) -> None:
    assert call("GET", f"/Kentico.Tracking/contacts/{contact}/consents/tracking")[0] == 400


def test_no_admin_route_is_reached_under_the_public_prefix() -> None:
    """The prefix goes without the admin key, so nothing else may answer there."""
    for path in (
        "/Kentico.Tracking/../profiles",
        "/Kentico.Tracking/profiles",
        "/Kentico.Tracking/",
        "/Kentico.Tracking//channels",
    ):
        assert call("GET", path)[0] == 404
