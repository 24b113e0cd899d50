"""The strict double is as strict as AWS documents: each limit is accepted at its edge and refused one past it."""

from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from tests.double import Fault, Plan, StrictAws, sizes
from tests.double.faults import LOST, PARTIAL, THROTTLE, Died
from tests.double.limits import MAX_ITEM

TABLE = "ActivitiesTable"
MOTO_MAX_ITEM = 405_000  # moto refuses items a little below the documented edge


def item(name: str = "x", **attributes: Any) -> dict[str, Any]:
    """An item in DynamoDB's notation."""
    return {"pk": {"S": name}, "sk": {"S": "s"}, **attributes}


def put(attributes: dict[str, Any]) -> None:
    boto3.client("dynamodb").put_item(TableName=TABLE, Item=attributes)


def nested(levels: int) -> dict[str, Any]:
    value: dict[str, Any] = {"S": "end"}
    for _ in range(levels):
        value = {"L": [value]}
    return value


def of_size(size: int) -> dict[str, Any]:
    """An item of exactly so many bytes."""
    bare = item(b={"S": ""})
    return item(b={"S": "x" * (size - sizes.item_size(bare))})


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        (of_size(MOTO_MAX_ITEM), of_size(MAX_ITEM + 1)),
        (item(n={"N": "9" * 38}), item(n={"N": "9" * 39})),
        (item(n={"N": "1E125"}), item(n={"N": "1E126"})),
        (item(b=nested(32)), item(b=nested(33))),
        (item(b={"SS": ["a"]}), item(b={"SS": []})),
        (item(), {"pk": {"S": ""}, "sk": {"S": "s"}}),
    ],
)
def test_an_item_is_accepted_at_the_edge_and_refused_past_it(aws: StrictAws, good: Any, bad: Any) -> None:
    put(good)
    with pytest.raises(ClientError, match="ValidationException"):
        put(bad)


def test_an_update_may_not_grow_an_item_past_400_kb(aws: StrictAws) -> None:
    put(of_size(MOTO_MAX_ITEM - 100))
    with pytest.raises(ClientError, match="ValidationException"):
        boto3.client("dynamodb").update_item(
            TableName=TABLE,
            Key=item(),
            UpdateExpression="SET c = :c",
            ExpressionAttributeValues={":c": {"S": "x" * 10_000}},
        )


@pytest.mark.parametrize(("count", "refused"), [(25, False), (26, True)])
def test_a_batch_write_holds_25_items(aws: StrictAws, count: int, refused: bool) -> None:
    requests: Any = [{"PutRequest": {"Item": item(str(n))}} for n in range(count)]
    _expect(refused, lambda: boto3.client("dynamodb").batch_write_item(RequestItems={TABLE: requests}))


@pytest.mark.parametrize(("count", "refused"), [(100, False), (101, True)])
def test_a_batch_get_and_a_transaction_hold_100_items(aws: StrictAws, count: int, refused: bool) -> None:
    client = boto3.client("dynamodb")
    keys: Any = {TABLE: {"Keys": [item(str(n)) for n in range(count)]}}
    _expect(refused, lambda: client.batch_get_item(RequestItems=keys))
    puts: Any = [{"Put": {"TableName": TABLE, "Item": item(str(n))}} for n in range(count)]
    _expect(refused, lambda: client.transact_write_items(TransactItems=puts))


def test_a_transaction_names_an_item_once(aws: StrictAws) -> None:
    puts: Any = [{"Put": {"TableName": TABLE, "Item": item()}}] * 2
    _expect(True, lambda: boto3.client("dynamodb").transact_write_items(TransactItems=puts))


@pytest.mark.parametrize("values", [{":a": {"S": "1"}, ":b": {"S": "2"}}, {}])
def test_placeholders_are_defined_and_used(aws: StrictAws, values: Any) -> None:
    update = {"TableName": TABLE, "Key": item(), "UpdateExpression": "SET c = :a", "ExpressionAttributeValues": values}
    _expect(True, lambda: boto3.client("dynamodb").update_item(**update))


@pytest.mark.parametrize(
    ("bodies", "refused"),
    [
        (["\t\n\r\ud7ff\ufffd😀"], False),
        (["\x00"], True),
        (["\ufffe"], True),
        ([""], True),
        (["x" * 1_048_576], False),
        (["x" * 1_048_577], True),
        (["x" * 600_000] * 2, True),
        (["x"] * 11, True),
    ],
)
def test_messages_keep_to_sqs_characters_and_sizes(aws: StrictAws, bodies: list[str], refused: bool) -> None:
    entries: Any = [{"Id": str(n), "MessageBody": body} for n, body in enumerate(bodies)]
    send = boto3.client("sqs").send_message_batch
    _expect(refused, lambda: send(QueueUrl=aws.environment["QUEUE_URL"], Entries=entries))


def _expect(refused: bool, call: Any) -> None:
    if refused:
        with pytest.raises(ClientError):
            call()
    else:
        call()


def test_write_units_are_by_the_larger_of_old_and_new_item_and_double_in_transactions(aws: StrictAws) -> None:
    aws.reset()
    put(of_size(3_000))
    put(item())
    boto3.client("dynamodb").transact_write_items(TransactItems=[{"Put": {"TableName": TABLE, "Item": of_size(1_500)}}])
    assert aws.write_units["PutItem"] == 3 + 3
    assert aws.write_units["TransactWriteItems"] == 4


def test_a_failed_condition_is_charged_by_the_item_that_is_there(aws: StrictAws) -> None:
    put(of_size(2_500))
    aws.reset()
    with pytest.raises(ClientError):
        boto3.client("dynamodb").put_item(TableName=TABLE, Item=item(), ConditionExpression="attribute_not_exists(pk)")
    assert aws.write_units["PutItem"] == 3


def test_an_index_entry_costs_when_its_key_changes_only(aws: StrictAws) -> None:
    client = boto3.client("dynamodb")

    def listed(key: str, note: str) -> None:
        row = item(lpk={"S": "p"}, lsk={"S": key}, note={"S": note})
        client.put_item(TableName="ProfilesTable", Item=row)

    listed("a", "1")
    listed("a", "2")
    assert aws.write_units["index"] == 1
    listed("b", "2")
    assert aws.write_units["index"] == 3


@pytest.mark.parametrize(("strong", "units"), [(True, 2.0), (False, 1.0)])
def test_read_units_are_4_kb_and_half_if_eventually_consistent(aws: StrictAws, strong: bool, units: float) -> None:
    put(of_size(5_000))
    aws.reset()
    boto3.client("dynamodb").get_item(TableName=TABLE, Key=item(), ConsistentRead=strong)
    assert aws.read_units["GetItem"] == units


def test_a_lost_answer_has_happened_and_a_throttled_call_has_not(aws: StrictAws) -> None:
    aws.reset(Plan(faults=(Fault("PutItem", 0, LOST), Fault("PutItem", 1, THROTTLE))))
    with pytest.raises(ReadTimeoutError):
        put(item("lost"))
    with pytest.raises(ClientError):
        put(item("throttled"))
    assert [one["pk"]["S"] for one in aws.items("activities")] == ["lost"]


def test_a_partial_batch_leaves_over_what_it_did_not_do(aws: StrictAws) -> None:
    aws.reset(Plan(faults=(Fault("BatchWriteItem", 0, PARTIAL),)))
    requests: Any = [{"PutRequest": {"Item": item(str(n))}} for n in range(4)]
    answer = boto3.client("dynamodb").batch_write_item(RequestItems={TABLE: requests})
    assert len(answer["UnprocessedItems"][TABLE]) == 2
    assert len(aws.items("activities")) == 2


@pytest.mark.parametrize("seed", [1, 2])
def test_a_plan_replays_from_its_seed(seed: int) -> None:
    def draw() -> list[str | None]:
        plan = Plan(share=0.5, seed=seed)
        return [plan.next("PutItem") for _ in range(50)]

    assert draw() == draw()
    assert len(set(draw())) > 2


def test_death_is_no_exception_that_a_handler_could_catch() -> None:
    assert not issubclass(Died, Exception)


def test_the_calls_are_recorded_in_their_order(aws: StrictAws) -> None:
    aws.reset()
    put(item())
    boto3.client("dynamodb").get_item(TableName=TABLE, Key=item())
    assert aws.calls == ["PutItem", "GetItem"]
