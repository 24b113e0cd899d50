"""Track's answers are true: 200 exactly when every event is on the queue."""

import json
from typing import Any

import boto3
import pytest

from cdp_core.aws import TRIES
from cdp_core.usecases.messages import envelope_of
from tests.double import Fault, Plan, StrictAws
from tests.double.faults import LOST, PARTIAL, SERVER_ERROR, TIMEOUT
from tests.support.product import SECRET_KEY, WRITE_KEY, Context, basic, function, request, seed_keys, track

PAGE = {"type": "page", "messageId": "m", "userId": "42"}


@pytest.fixture(autouse=True)
def _keys(aws: StrictAws) -> None:
    seed_keys()


def queued(aws: StrictAws) -> list[Any]:
    """The envelopes on the queue."""
    client, found = boto3.client("sqs"), []
    while messages := client.receive_message(QueueUrl=aws.environment["QUEUE_URL"], MaxNumberOfMessages=10).get(
        "Messages"
    ):
        found += [envelope_of(message["Body"]) for message in messages]
    return found


def test_success_is_exactly_200_with_success_true(aws: StrictAws) -> None:
    """rudder-python takes 202 and 204 for failures."""
    assert track("/v1/page", PAGE) == (200, {"success": True})
    (envelope,) = queued(aws)
    assert [event.message_id for event in envelope.events] == ["m"]


def test_a_request_is_one_message_whatever_it_holds(aws: StrictAws) -> None:
    """One envelope a request."""
    track("/v1/batch", {"batch": [PAGE | {"messageId": f"m{n}"} for n in range(500)]})
    (envelope,) = queued(aws)
    assert len(envelope.events) == 500


def test_a_request_too_large_for_one_message_is_split_and_each_part_has_its_own_key(aws: StrictAws) -> None:
    """Protocol section 4: a split envelope must get a new key."""
    events = [PAGE | {"messageId": f"m{n}", "properties": {"x": "é" * 8_000}} for n in range(90)]
    assert track("/v1/batch", {"batch": events})[0] == 200
    envelopes = queued(aws)
    assert len(envelopes) > 1
    assert len({envelope.key for envelope in envelopes}) == len(envelopes)
    assert sorted(event.message_id for envelope in envelopes for event in envelope.events) == sorted(
        e["messageId"] for e in events
    )


def test_characters_that_sqs_refuses_reach_the_queue_all_the_same(aws: StrictAws) -> None:
    """I2: NUL and U+FFFE are escaped."""
    value = "\x00\x1f\ufffe\uffff\u2028😀"
    assert track("/v1/page", PAGE | {"properties": {"x": value}})[0] == 200
    (envelope,) = queued(aws)
    assert envelope.events[0].body["properties"] == {"x": value}


@pytest.mark.parametrize("kind", [SERVER_ERROR, TIMEOUT, LOST])
def test_503_with_retry_after_when_the_queue_did_not_take_it_for_certain(aws: StrictAws, kind: str) -> None:
    """A6, invariant 6."""
    aws.reset(Plan(faults=tuple(Fault("SendMessageBatch", nth, kind) for nth in range(TRIES))))
    answer = function("track").handler(
        request("POST", "/v1/page", json.dumps(PAGE), authorization=basic(WRITE_KEY)), Context()
    )
    assert answer["statusCode"] == 503
    assert int(answer["headers"]["Retry-After"]) > 0
    assert {"code", "message"} <= json.loads(answer["body"]).keys()


def test_what_failed_is_sent_once_more_before_a_client_is_sent_away(aws: StrictAws) -> None:
    """A5."""
    aws.reset(Plan(faults=(Fault("SendMessageBatch", 0, PARTIAL),)))
    assert track("/v1/page", PAGE)[0] == 200
    assert len(queued(aws)) == 1


@pytest.mark.parametrize("key", ["", "unknown", "local-admin-key"])
def test_a_missing_or_wrong_key_is_401_and_nothing_is_queued(aws: StrictAws, key: str) -> None:
    """W-14."""
    status, answer = track("/v1/page", PAGE, key=key)
    assert (status, answer["code"]) == (401, "unauthorized")
    assert queued(aws) == []


def test_the_key_of_a_disabled_channel_is_404(aws: StrictAws) -> None:
    """W-14."""
    from cdp_core.domain.channels import Channel
    from cdp_core.tables import channels

    channels.save_channel(Channel(code_name="off", name="Off", type="website", enabled=False))
    channels.save_write_key("off-key", channel="off", secret=False)
    assert track("/v1/page", PAGE, key="off-key")[0] == 404


def test_only_a_secret_key_gives_authority(aws: StrictAws) -> None:
    """Design section 5."""
    track("/v1/page", PAGE)
    track("/v1/page", PAGE, key=SECRET_KEY)
    assert sorted(envelope.events[0].authority for envelope in queued(aws)) == [False, True]


def test_a_bad_event_is_kept_with_its_reason_and_its_neighbours_are_kept_as_events(aws: StrictAws) -> None:
    """A batch is never rejected whole for one bad event."""
    assert track("/v1/batch", {"batch": [PAGE, {"type": "page", "messageId": "bad"}]}) == (200, {"success": True})
    (envelope,) = queued(aws)
    assert (len(envelope.events), [one.reason for one in envelope.refused]) == (1, ["no_identity"])


def test_strict_mode_answers_event_by_event() -> None:
    """207."""
    status, answer = track("/v1/batch", {"batch": [PAGE, {"type": "page", "messageId": "bad"}]}, x_strict_mode="1")
    assert (status, answer["success"]) == (207, False)
    assert [(one["index"], one["message_id"], one["status"], one["code"]) for one in answer["results"]] == [
        (0, "m", 200, "accepted"),
        (1, "bad", 400, "no_identity"),
    ]


@pytest.mark.parametrize(("body", "status"), [(b"{", 400), (b" " * (5 * 1024 * 1024 + 1), 413)])
def test_a_bad_body_is_the_clients_fault_in_words(body: bytes, status: int) -> None:
    """Never 5xx for a client's."""
    answered, answer = track("/v1/page", body)
    assert answered == status
    assert {"code", "message"} <= answer.keys()


def test_health_and_the_sdks_own_metrics_need_no_key(aws: StrictAws) -> None:
    """W-08."""
    for method, path in (("GET", "/health"), ("POST", "/v1/m")):
        assert function("track").handler(request(method, path, "{}"), Context())["statusCode"] == 200
    assert queued(aws) == []


def test_nothing_personal_is_logged(aws: StrictAws, capfd: pytest.CaptureFixture[str]) -> None:
    """I15, invariant 12: one canary in every field, failures included."""
    canary = "canary@example.com"
    event = {"type": "track", "userId": canary, "anonymousId": canary, "event": canary, "properties": {"x": canary}}
    track("/v1/batch", {"batch": [event, {"type": canary}]}, user_agent=canary)
    aws.reset(Plan(faults=tuple(Fault("SendMessageBatch", nth, SERVER_ERROR) for nth in range(TRIES))))
    track("/v1/batch", {"batch": [event]})
    from tests.support.product import drain_all

    drain_all()
    captured = capfd.readouterr()
    assert canary not in captured.out + captured.err
