"""The yardstick: tracking as Powertools' own examples would have it. Router, logger, metrics, tracer, pydantic, boto3."""

import os
from typing import Any, Literal

import boto3
from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver
from aws_lambda_powertools.metrics import MetricUnit
from pydantic import BaseModel

logger = Logger(service="textbook")
metrics = Metrics(namespace="textbook", service="textbook")
tracer = Tracer(service="textbook")
app = APIGatewayHttpResolver()
sqs = boto3.client("sqs")
QUEUE = os.environ["QUEUE_URL"]
ENTRIES = 10


class Event(BaseModel):
    """One event of the wire."""

    type: Literal["track", "page", "identify", "screen", "group", "alias"]
    messageId: str
    event: str | None = None
    userId: str | None = None
    anonymousId: str | None = None
    timestamp: str | None = None
    properties: dict[str, Any] = {}
    traits: dict[str, Any] = {}
    context: dict[str, Any] = {}


class Batch(BaseModel):
    """What an SDK posts."""

    batch: list[Event]
    sentAt: str | None = None


@app.post("/v1/batch")
@tracer.capture_method
def batch() -> dict[str, bool]:
    """One message an event, ten a call."""
    events = Batch.model_validate(app.current_event.json_body).batch
    if len(events) == 1:
        sqs.send_message(QueueUrl=QUEUE, MessageBody=events[0].model_dump_json())
    else:
        for start in range(0, len(events), ENTRIES):
            _send(events[start : start + ENTRIES])
    metrics.add_metric(name="events", unit=MetricUnit.Count, value=len(events))
    logger.info("accepted", extra={"events": len(events)})
    return {"success": True}


def _send(events: list[Event]) -> None:
    entries: Any = [{"Id": str(n), "MessageBody": one.model_dump_json()} for n, one in enumerate(events)]
    answer = sqs.send_message_batch(QueueUrl=QUEUE, Entries=entries)
    if answer.get("Failed"):
        raise RuntimeError("not all were sent")


@logger.inject_lambda_context
@tracer.capture_lambda_handler
@metrics.log_metrics
def handler(event: dict[str, Any], context: Any) -> Any:
    """Lambda's entry."""
    return app.resolve(event, context)
