"""The yardstick: a consumer that puts each event if absent and then updates its profile, with boto3."""

import json
import os
from typing import Any

import boto3
from botocore.exceptions import ClientError

sqs, dynamodb = boto3.client("sqs"), boto3.client("dynamodb")
QUEUE = os.environ["QUEUE_URL"]


def flush() -> int:
    """Consumes the queue until it is empty; how many events that were."""
    events = 0
    while messages := sqs.receive_message(QueueUrl=QUEUE, MaxNumberOfMessages=10).get("Messages", []):
        for message in messages:
            _apply(json.loads(message["Body"]))
        events += len(messages)
        entries: Any = [{"Id": str(n), "ReceiptHandle": one["ReceiptHandle"]} for n, one in enumerate(messages)]
        sqs.delete_message_batch(QueueUrl=QUEUE, Entries=entries)
    return events


def _apply(event: dict[str, Any]) -> None:
    person, at = {"S": event["userId"] or event["anonymousId"]}, event["timestamp"]
    item = {"pk": person, "sk": {"S": f"{at}#{event['messageId']}"}, "body": {"S": json.dumps(event)}}
    try:
        dynamodb.put_item(
            TableName=os.environ["ACTIVITIES_TABLE"], Item=item, ConditionExpression="attribute_not_exists(pk)"
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
            raise
        return
    dynamodb.update_item(
        TableName=os.environ["PROFILES_TABLE"],
        Key={"pk": person, "sk": {"S": "profile"}},
        UpdateExpression="SET seen = :at, visitor = :visitor, agent = :agent ADD events :one",
        ExpressionAttributeValues={
            ":at": {"S": at},
            ":visitor": {"S": event["anonymousId"]},
            ":agent": {"S": event["context"]["userAgent"]},
            ":one": {"N": "1"},
        },
    )
