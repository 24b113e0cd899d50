"""Logs as JSON and metrics in CloudWatch's embedded format: identifiers and counts only, never what people said."""

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aws_lambda_powertools import Logger

NAMESPACE = "cdp"


@cache
def logger() -> "Logger":
    """The process's logger. One line a request or batch, from its outcome."""
    from aws_lambda_powertools import Logger

    return Logger(service=NAMESPACE)


def count(**metrics: int) -> None:
    """Adds to CloudWatch metrics of these names, in one line of embedded metric format."""
    from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

    given = {name: value for name, value in metrics.items() if value}
    if not given:
        return
    emitter = EphemeralMetrics(namespace=NAMESPACE, service=NAMESPACE)
    for name, value in given.items():
        emitter.add_metric(name=name, unit=MetricUnit.Count, value=value)
    emitter.flush_metrics()
