"""AWS's list prices for us-east-1, arm64, on demand, in dollars. Read on 2026-11-23; check them before you rely on them."""

from typing import NamedTuple


class Price(NamedTuple):
    """Dollars for a million of a unit, and which of AWS's pages says so."""

    dollars: float
    unit: str
    source: str


HTTP_API = Price(1.00, "requests", "API Gateway pricing, HTTP APIs")
LAMBDA_REQUESTS = Price(0.20, "invocations", "Lambda pricing")
LAMBDA_SECONDS = Price(13.3334, "GB-seconds on arm64", "Lambda pricing")
SQS = Price(0.40, "requests of 64 KB each", "SQS pricing, standard queues")
WRITES = Price(0.625, "write units", "DynamoDB pricing, on demand")
READS = Price(0.125, "read units", "DynamoDB pricing, on demand")
LOGS = Price(0.50, "KB of logs", "CloudWatch pricing, $0.50 a GB")
ALL = (HTTP_API, LAMBDA_REQUESTS, LAMBDA_SECONDS, SQS, WRITES, READS, LOGS)

SQS_CHUNK = 64 * 1024
MB_OF_A_CPU = 1769  # the memory at which a function has one processor
TRACK_MB, FLUSH_MB, TEXTBOOK_MB = 512, 1769, 512
WAIT_SECONDS = 0.008  # assumed, not measured: how long a call of AWS keeps a function waiting
