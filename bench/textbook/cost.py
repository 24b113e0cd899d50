"""Dollars for a million events: counted requests, bytes and units and measured CPU, times the list prices."""

import math
from dataclasses import dataclass

from bench.textbook import prices
from bench.textbook.prices import Price


@dataclass(slots=True, kw_only=True)
class Counted:
    """What one event needs: tracking requests, calls of AWS, units, CPU in seconds, bytes of logs."""

    requests: float
    track_calls: float
    flush_calls: float
    sqs_chunks: float
    writes: float
    reads: float
    track_cpu: float
    flush_cpu: float
    log_bytes: float
    flush_mb: int = prices.FLUSH_MB
    parallel: float = 1.0


def dollars(one: Counted) -> dict[str, float]:
    """By part, for a million events."""
    track = _seconds(one.track_cpu, prices.TRACK_MB) + one.track_calls * prices.WAIT_SECONDS
    flush = _seconds(one.flush_cpu, one.flush_mb) + one.flush_calls * prices.WAIT_SECONDS / one.parallel
    gigabytes = (track * prices.TRACK_MB + flush * one.flush_mb) / 1024
    return {
        "HTTP API": _cost(prices.HTTP_API, one.requests),
        "Lambda": _cost(prices.LAMBDA_REQUESTS, one.requests) + _cost(prices.LAMBDA_SECONDS, gigabytes),
        "SQS": _cost(prices.SQS, one.sqs_chunks),
        "DynamoDB": _cost(prices.WRITES, one.writes) + _cost(prices.READS, one.reads),
        "logs": _cost(prices.LOGS, one.log_bytes / 1000),
    }


def _seconds(cpu: float, megabytes: int) -> float:
    """How long a function of this size takes for so much CPU."""
    return cpu * max(1.0, prices.MB_OF_A_CPU / megabytes)


def _cost(price: Price, number: float) -> float:
    """Of a million events, each of which needs so many."""
    return price.dollars * number


def chunks(bytes_a_call: float) -> int:
    """What SQS bills a call of this size as."""
    return max(1, math.ceil(bytes_a_call / prices.SQS_CHUNK))
