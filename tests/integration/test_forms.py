"""Form submissions as browsers, scripts and attackers send them: `POST /v1/forms/{code}`, and Segment's "Form Submitted"."""

import json
from decimal import Decimal
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from cdp_core.domain.catalogue import CONTACT, ActivityType, Consent, ConsentText, CustomField, Form
from cdp_core.domain.channels import Channel
from cdp_core.tables import catalogue, channels
from cdp_core.usecases import consents
from cdp_core.usecases.authenticate import authenticate
from tests.double import StrictAws
from tests.integration.test_track import queued
from tests.support.product import (
    ADMIN_KEY,
    SECRET_KEY,
    WRITE_KEY,
    Context,
    drain_all,
    function,
    request,
    seed_keys,
    track,
)

URLENCODED = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data; boundary=----WebKitFormBoundaryAbC"
BROWSER = "text/html,application/xhtml+xml,*/*;q=0.8"
TYPED = {"e-mail": "ann@example.com", "given": "Ann", "years": "42", "news": "on", "question": "Why?"}
ANN = "6f1f7c1e-6f0a-4c0e-9d3e-2f4c8b1d9a01"


@pytest.fixture(autouse=True)
def _definitions(aws: StrictAws) -> None:
    seed_keys()
    fields = {"e-mail": "email", "given": "first_name", "years": "custom.age", "news": "custom.news", "question": None}
    fields |= {"colour": "custom.colour", "since": "custom.since"}
    catalogue.save_field(CustomField(entity=CONTACT, name="age", caption="Age", type="number"))
    catalogue.save_field(CustomField(entity=CONTACT, name="news", caption="News", type="boolean"))
    catalogue.save_field(CustomField(entity=CONTACT, name="since", caption="Since", type="date"))
    colour = CustomField(entity=CONTACT, name="colour", caption="Colour", type="choice", choices=("red", "blue"))
    catalogue.save_field(colour)
    catalogue.save_form(Form(code_name="ask", name="Ask us", fields=fields))
    catalogue.save_form(Form(code_name="old", name="Old", fields=fields, enabled=False))
    catalogue.save_form(Form(code_name="go", name="Go", fields=fields, success_url="https://example.com/thanks"))
    catalogue._cache().clear()


def post(body: Any, *, form: str = "ask", kind: str = URLENCODED, **headers: str) -> dict[str, Any]:
    """Submits a form with the public key in the address; the whole answer."""
    data = urlencode(body, doseq=True) if isinstance(body, dict) else body
    path = f"/v1/forms/{form}?writeKey={WRITE_KEY}"
    return dict(function("track").handler(request("POST", path, data, content_type=kind, **headers), Context()))


def refused(answer: dict[str, Any]) -> str:
    """The code of an error, which is JSON with a message for people."""
    said = json.loads(answer["body"])
    assert (said["success"], bool(said["message"])) == (False, True)
    return str(said["code"])


def multipart(*parts: tuple[str, bytes], boundary: str = "----WebKitFormBoundaryAbC") -> bytes:
    """A multipart form as browsers write it; what follows the name goes into the disposition as it is."""
    head = f"--{boundary}\r\nContent-Disposition: form-data; name="
    written = (head.encode() + f"{name}\r\n\r\n".encode() + value + b"\r\n" for name, value in parts)
    return b"".join(written) + f"--{boundary}--\r\n".encode()


def ask(path: str) -> tuple[int, Any]:
    """What the profiles API answers."""
    answer = function("profiles_api").handler(request("GET", path, authorization=f"Bearer {ADMIN_KEY}"), Context())
    return answer["statusCode"], json.loads(answer["body"])


def contact(identifier: str) -> Any:
    """The contact details of a profile."""
    drain_all()
    status, profile = ask(f"/profiles/{quote(identifier)}")
    assert status == 200, profile
    return profile["contact"]


def activities(identifier: str) -> list[dict[str, Any]]:
    """The timeline of a profile."""
    drain_all()
    return list(ask(f"/profiles/{quote(identifier)}/activities")[1]["items"])


# Three ways of writing the same

MULTIPART_BODY = multipart(*((f'"{name}"', value.encode()) for name, value in (TYPED | {"anonymousId": ANN}).items()))
JSON_BODY = json.dumps({"anonymousId": ANN, "fields": TYPED}).encode()
FLAT_BODY = json.dumps({"anonymousId": ANN, **TYPED}).encode()


@pytest.mark.parametrize(
    ("body", "kind"),
    [(TYPED | {"anonymousId": ANN}, URLENCODED), (MULTIPART_BODY, MULTIPART),
     (JSON_BODY, "application/json"), (FLAT_BODY, "text/plain")],
)  # fmt: skip
def test_a_submission_is_an_activity_and_fills_the_contact_whatever_wrote_it(body: Any, kind: str) -> None:
    """Mapped fields reach the contact in their types, a field that is mapped to nothing stays with the activity."""
    answer = post(body, kind=kind)
    assert (answer["statusCode"], json.loads(answer["body"])) == (200, {"success": True})
    found = {"email": "ann@example.com", "first_name": "Ann", "custom": {"age": 42, "news": True}}
    assert contact(f"anonymous_id:{ANN}") == found
    (shown,) = activities(f"anonymous_id:{ANN}")
    assert (shown["type"], shown["value"], shown["channel"]) == ("bizformsubmit", "Ask us", "website")
    assert shown["properties"]["fields"] == TYPED
    assert shown["title"] == "Form submission 'Ask us'"


def test_only_the_forms_own_fields_are_kept(aws: StrictAws) -> None:
    """A password that somebody's script sends along is nobody's business."""
    post(TYPED | {"password": "hunter2", "anonymousId": ANN})
    (envelope,) = queued(aws)
    assert set(envelope.events[0].body["properties"]["fields"]) == set(TYPED)
    assert "hunter2" not in repr(envelope)


def test_an_input_that_names_a_user_is_not_believed(aws: StrictAws) -> None:
    """Whoever can edit a form's inputs cannot write to a user's profile."""
    post(TYPED | {"userId": "victim", "user_id": "victim", "anonymousId": ANN})
    post(json.dumps({"fields": TYPED, "userId": "victim", "userHash": "x"}).encode(), kind="application/json")
    said = [envelope.events[0] for envelope in queued(aws)]
    assert [event.user_id for event in said] == [None, None]
    assert not any(event.authority for event in said)


def test_boxes_that_were_ticked_together_make_one_text() -> None:
    for number, body in enumerate((
        urlencode([("question", "a"), ("question", "b"), ("anonymousId", "url-0")]).encode(),
        multipart(('"question"', b"a"), ('"question"', b"b"), ('"anonymousId"', b"url-1")),
    )):  # fmt: skip
        assert post(body, kind=(URLENCODED, MULTIPART)[number])["statusCode"] == 200
        assert activities(f"anonymous_id:url-{number}")[0]["properties"]["fields"] == {"question": "a, b"}


def test_what_people_type_arrives_as_they_typed_it(aws: StrictAws) -> None:
    """Scripts of the world, line breaks, NUL, dashes like a boundary's, quotes in a name."""
    catalogue.save_form(Form(code_name="odd", name="Odd", fields={'a "b" é': None, "c": None}))
    catalogue._cache().clear()
    value = "žluťoučký\r\n--\r\n------WebKitFormBoundaryAbCd\r\n 😀\x00 end \r\n"
    post(multipart(('"a %22b%22 é"', value.encode()), ("c", b"bare name")), form="odd", kind=MULTIPART)
    post({'a "b" é': value, "c": "bare name"}, form="odd")
    for envelope in queued(aws):
        assert envelope.events[0].body["properties"]["fields"] == {'a "b" é': value, "c": "bare name"}


def test_files_are_not_taken_and_their_neighbours_are(aws: StrictAws) -> None:
    catalogue.save_form(Form(code_name="cv", name="CV", fields={"file": None, "given": None}))
    catalogue._cache().clear()
    file = ('"file"; filename="cv.pdf"\r\nContent-Type: application/pdf', b"%PDF\r\n\r\n\xff")
    assert post(multipart(file, ('"given"', b"Ann")), form="cv", kind=MULTIPART)["statusCode"] == 200
    (envelope,) = queued(aws)
    assert envelope.events[0].body["properties"]["fields"] == {"given": "Ann"}


# Whose it is


def test_without_an_id_each_submission_is_a_person_of_its_own(aws: StrictAws) -> None:
    """Two strangers at one computer without cookies are two strangers."""
    post(TYPED)
    post(TYPED)
    first, second = (envelope.events[0] for envelope in queued(aws))
    assert first.anonymous_id == f"form:{first.message_id}"
    assert first.anonymous_id != second.anonymous_id


@pytest.mark.parametrize("nobody", ["undefined", "null", "", "00000000-0000-0000-0000-000000000000"])
def test_a_script_that_knows_no_id_loses_no_submission_and_joins_no_strangers(aws: StrictAws, nobody: str) -> None:
    """Blocked values identify nobody (design section 5)."""
    assert post(TYPED | {"anonymousId": nobody, "messageId": "m1"})["statusCode"] == 200
    (envelope,) = queued(aws)
    assert envelope.events[0].anonymous_id == "form:m1"


def test_the_same_message_id_twice_is_one_submission() -> None:
    """A browser that sends a form again."""
    for _ in range(2):
        assert post(TYPED | {"messageId": "once"})["statusCode"] == 200
        assert [one["message_id"] for one in activities("anonymous_id:form:once")] == ["once"]
    assert ask("/profiles/anonymous_id%3Aform%3Aonce")[1]["activity_counts"]["total"] == 1


def test_an_address_that_somebody_types_replaces_no_other() -> None:
    """K-15 as design section 5 has it: it is kept beside the one that the site knows."""
    traits = {"type": "identify", "anonymousId": ANN, "messageId": "i", "traits": {"email": "ann@work.example"}}
    track("/v1/identify", traits, key=SECRET_KEY)
    post({"e-mail": "else@example.com", "anonymousId": ANN})
    assert contact(f"anonymous_id:{ANN}") == {"email": "ann@work.example", "other_emails": ["else@example.com"]}


# What the person sees


def test_a_browser_is_sent_on_with_303_or_thanked_on_a_page() -> None:
    """303, so that a reload does not send the form again."""
    sent_on = post(TYPED, form="go", accept=BROWSER)
    assert (sent_on["statusCode"], sent_on["headers"]["Location"]) == (303, "https://example.com/thanks")
    thanked = post(TYPED, accept=BROWSER)
    assert (thanked["statusCode"], thanked["headers"]["Content-Type"]) == (200, "text/html; charset=utf-8")


def test_a_script_is_never_sent_on() -> None:
    """A redirect would make fetch() load a page of another site."""
    assert post(TYPED, form="go", accept="*/*")["statusCode"] == 200
    assert post(JSON_BODY, form="go", kind="application/json", accept=BROWSER)["statusCode"] == 200


# What is not wanted


@pytest.mark.parametrize("form", ["nope", "old", "ASK", "%2e%2e", "a" * 5_000])
def test_an_unknown_or_disabled_form_is_404_and_nothing_is_kept(aws: StrictAws, form: str) -> None:
    answer = post(TYPED, form=form)
    assert (answer["statusCode"], refused(answer)) == (404, "not_found")
    assert queued(aws) == []


def test_a_missing_or_contradicting_key_is_401_even_for_an_unknown_form(aws: StrictAws) -> None:
    """W-13; and who has no key does not learn which forms there are."""
    for form in ("ask", "nope"):
        event = request("POST", f"/v1/forms/{form}", urlencode(TYPED), content_type=URLENCODED)
        assert function("track").handler(event, Context())["statusCode"] == 401
    assert post(TYPED | {"writeKey": SECRET_KEY})["statusCode"] == 401
    assert queued(aws) == []


def test_the_key_may_be_an_input_of_the_form() -> None:
    event = request("POST", "/v1/forms/ask", urlencode(TYPED | {"writeKey": WRITE_KEY}), content_type=URLENCODED)
    assert function("track").handler(event, Context())["statusCode"] == 200


@pytest.mark.parametrize(
    ("typed", "named"),
    [({"years": "old"}, "years"), ({"years": "1e9"}, "years"), ({"news": "perhaps"}, "news"),
     ({"colour": "green"}, "colour"), ({"since": "31.12.2026"}, "since")],
)  # fmt: skip
def test_a_value_of_the_wrong_type_is_400_that_names_the_field_and_nothing_of_it_is_stored(
    typed: dict[str, str], named: str
) -> None:
    """The visitor can correct it; until then there is neither an activity nor a detail."""
    answer = post(TYPED | typed | {"anonymousId": ANN})
    assert (answer["statusCode"], refused(answer)) == (400, "wrong_type")
    assert named in json.loads(answer["body"])["message"]
    drain_all()
    assert ask(f"/profiles/anonymous_id%3A{ANN}")[0] == 404
    assert post(TYPED | {"anonymousId": ANN})["statusCode"] == 200
    assert contact(f"anonymous_id:{ANN}")["custom"]["age"] == 42


def test_who_withdrew_is_not_thanked_for_a_form_that_cannot_be_kept(aws: StrictAws) -> None:
    """Section 6: a good submission is a legitimate interest; a bad one of theirs is kept nowhere, so it is no success."""
    texts = {"en": ConsentText(short="May we?", full="<p>May we?</p>")}
    catalogue.save_consent(Consent(code_name="tracking", name="Tracking", texts=texts), at=1)
    consents.decide(authenticate(WRITE_KEY, None), ANN, "tracking", agreed=False, language="en")
    bad = post(TYPED | {"years": "old", "anonymousId": ANN})
    assert (bad["statusCode"], queued(aws)) == (400, [])
    assert post(TYPED | {"anonymousId": ANN, "messageId": "good"})["statusCode"] == 200
    (envelope,) = queued(aws)
    assert (envelope.legal_basis, envelope.events[0].anonymous_id) == ("legitimate_interest", "form:good")


def test_forms_of_a_disabled_type_are_not_stored(aws: StrictAws) -> None:
    catalogue.save_type(ActivityType(code_name="bizformsubmit", name="Form submission", enabled=False))
    catalogue._cache().clear()
    assert post(TYPED)["statusCode"] == 200
    assert queued(aws) == []


def test_a_page_of_another_site_may_not_submit() -> None:
    """Origins are checked for forms as for scripts."""
    own = Channel(code_name="own", name="Own", type="website", origins=("https://own.example",))
    channels.save_channel(own)
    channels.save_write_key("own-key", channel="own", secret=False)
    for origin, status in (("https://own.example", 200), ("https://other.example", 403), ("null", 403)):
        event = request("POST", "/v1/forms/ask?writeKey=own-key", urlencode(TYPED), origin=origin)
        assert function("track").handler(event, Context())["statusCode"] == status


# What only an attacker sends


def nested_parts(levels: int) -> bytes:
    """Forms within forms."""
    heads = (b"--b%d\r\nContent-Type: multipart/mixed; boundary=b%d\r\n\r\n" % (n, n + 1) for n in range(levels))
    return b"".join(heads)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (multipart(('"given"', b"Ann"))[:-20], MULTIPART),
        (multipart(('"given"', b"Ann")), "multipart/form-data"),
        (multipart(('"given"', b"Ann")), "multipart/form-data; boundary="),
        (multipart(('"given"', b"Ann")), "multipart/form-data; boundary=other"),
        (multipart(*[(f"f{n}", b"") for n in range(301)]), MULTIPART),
        (urlencode({f"f{n}": "" for n in range(301)}).encode(), URLENCODED),
        (b"given=\xff\xfe", URLENCODED),
        (nested_parts(3_000), "multipart/form-data; boundary=b0"),
        (b"--b\r\n" + b"Content-Type: message/rfc822\r\n\r\n" * 3_000, "multipart/form-data; boundary=b"),
        (b"--b\r\n\r\n\r\n" * 400_000, "multipart/form-data; boundary=b"),
        (b"", MULTIPART),
        (b"{", "application/json"),
        (b'{"given":', URLENCODED),
        (b'{"messageId": {"a": 1}, "given": "x"}', "application/json"),
        (b'{"messageId": ' + b"[" * 700 + b"]" * 700 + b', "given": "x"}', "application/json"),
        (b'{"anonymousId": ["a"], "given": "x"}', "application/json"),
        (b'{"question": "' + b"x" * 70_000 + b'"}', "application/json"),
        (b"question=" + b"x" * 70_000, URLENCODED),
        (b"question=x&messageId=" + b"x" * 201, URLENCODED),
        (b"question=x&anonymousId=%00", URLENCODED),
    ],
)
def test_a_broken_form_is_400(aws: StrictAws, body: bytes, kind: str) -> None:
    """Never 5xx for a client's fault, and never an activity with half of what was typed."""
    answer = post(body, kind=kind)
    assert (answer["statusCode"], bool(refused(answer))) == (400, True)
    assert [envelope.events for envelope in queued(aws) if envelope.events] == []


def test_a_huge_form_is_413() -> None:
    """Bounded."""
    assert post(b"question=" + b"x" * (5 * 1024 * 1024), kind=URLENCODED)["statusCode"] == 413


def test_300_inputs_are_taken() -> None:
    """The limit itself is allowed."""
    names = [f"f{n}" for n in range(299)]
    parts = [(f'"{name}"', b"") for name in names]
    assert post(multipart(*parts, ('"given"', b"Ann")), kind=MULTIPART)["statusCode"] == 200
    assert post(dict.fromkeys(names, "") | {"given": "Ann"})["statusCode"] == 200


# Segment's event for the same


def submitted(**properties: Any) -> dict[str, Any]:
    """A form submission as a script tracks it."""
    named = {"type": "track", "event": "Form Submitted", "anonymousId": ANN, "messageId": "s"}
    return named | {"properties": properties}


def test_segments_form_submitted_is_a_submission_and_its_mapping_applies() -> None:
    assert track("/v1/track", submitted(form="ask", fields=TYPED)) == (200, {"success": True})
    found = {"email": "ann@example.com", "first_name": "Ann", "custom": {"age": Decimal(42), "news": True}}
    assert contact(f"anonymous_id:{ANN}") == found
    assert [one["type"] for one in activities(f"anonymous_id:{ANN}")] == ["bizformsubmit"]


@pytest.mark.parametrize("form", ["nope", None, 5, ["ask"], {}])
def test_form_submitted_of_a_form_that_nobody_defined_is_an_activity_only(form: Any) -> None:
    """It is not lost, and it fills nothing."""
    assert track("/v1/track", submitted(form=form, fields=TYPED))[0] == 200
    assert contact(f"anonymous_id:{ANN}") == {}
    assert [one["type"] for one in activities(f"anonymous_id:{ANN}")] == ["bizformsubmit"]


def test_form_submitted_with_a_wrong_type_is_refused_with_the_fields_name() -> None:
    status, answer = track("/v1/track", submitted(form="ask", fields={"years": "old"}), x_strict_mode="1")
    assert (status, answer["results"][0]["status"], answer["results"][0]["code"]) == (207, 400, "wrong_type")
    assert "years" in answer["results"][0]["message"]
