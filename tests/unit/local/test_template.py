"""What the local stack reads from template.yaml."""

import pytest

from local import template as templates
from local.gateway import Api
from local.intrinsics import resolve
from local.settings import ROOT, read_settings

FUNCTIONS = {"TrackFunction": "track-1", "ProfilesApiFunction": "api-1"}
PACKAGES = {name: f"{name}.zip" for name in ("track", "flush", "profiles_api", "cdp_core")}


@pytest.fixture
def raw() -> templates.Template:
    return templates.read(ROOT / "template.yaml")


def apis(raw: templates.Template, given: dict[str, str]) -> list[Api]:
    values = templates.parameters(raw, given)
    packaged = templates.with_packages(raw, bucket="packages", keys=PACKAGES)
    return templates.apis(templates.translate(packaged, values), values=values, functions=FUNCTIONS)


def test_the_front_door_serves_the_routes_that_the_template_declares(raw: templates.Template) -> None:
    tracking, admin = apis(raw, {})
    assert ("POST /v1/batch", "track-1") in [(route.key, route.function) for route in tracking.routes]
    assert ("GET /profiles/{id}", "api-1") in [(route.key, route.function) for route in admin.routes]
    assert tracking.cors.origins == ["*"]
    assert admin.cors.origins == ()


def test_origins_given_to_the_admin_api_are_allowed(raw: templates.Template) -> None:
    _, admin = apis(raw, {"AdminAllowedOrigins": "https://a.example,https://b.example"})
    assert admin.cors.origins == ["https://a.example", "https://b.example"]


def test_a_parameter_that_the_template_does_not_have_is_named(raw: templates.Template) -> None:
    with pytest.raises(KeyError, match="Stagee"):
        templates.parameters(raw, {"Stagee": "local"})


def test_conditions_decide_between_branches() -> None:
    conditions = {"Some": {"Fn::Not": [{"Fn::Equals": [{"Fn::Join": ["", {"Ref": "Names"}]}, ""]}]}}
    choice = {"Fn::If": ["Some", {"names": {"Ref": "Names"}}, {"Ref": "AWS::NoValue"}]}
    assert resolve(choice, parameters={"Names": "a,b"}, conditions=conditions) == {"names": "a,b"}
    assert resolve(choice, parameters={"Names": ""}, conditions=conditions) is None


@pytest.mark.parametrize(("name", "text"), [("PORT", "http"), ("PORT", "70000"), ("FLUSH_INTERVAL_SECONDS", "0")])
def test_a_setting_outside_its_range_is_refused_by_name(name: str, text: str) -> None:
    with pytest.raises(ValueError, match=name):
        read_settings({name: text})
