"""Gateway of request rates: one counter a caller and minute, gone an hour later."""

from cdp_core.config import settings
from cdp_core.tables import dynamo

_LIVES_SECONDS = 3_600


def hit(caller: str, minute: int) -> int:
    """Counts one request of a caller in a minute (since 1970); how many there were in it so far, this one included.

    A call whose answer was lost is tried again and may count twice: a limit of requests need not be exact.
    """
    answer = dynamo.call(
        "UpdateItem",
        TableName=settings().profiles_table,
        Key=dynamo.key_of((f"rate#{caller}", f"{minute:010d}")),
        UpdateExpression="ADD n :one SET #ttl = :ttl",
        ExpressionAttributeNames={"#ttl": "ttl"},
        ExpressionAttributeValues={":one": {"N": "1"}, ":ttl": {"N": str(minute * 60 + _LIVES_SECONDS)}},
        ReturnValues="UPDATED_NEW",
    )
    return int(answer["Attributes"]["n"]["N"])
