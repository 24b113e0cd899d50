"""DynamoDB's units of an event, metered by true item size on the strict double, for both ways of flushing."""

from collections.abc import Callable
from contextlib import redirect_stdout

from bench.textbook.contender import HANDLERS, Sink
from bench.textbook.events import People, key_of, request
from cdp_core.domain.channels import Channel
from cdp_core.tables import channels
from tests.double import strict_aws
from tests.double.memory import Memory

LEAVES = 40


def units(name: str, each: int, size: int) -> tuple[float, float]:
    """Write and read units of an event, of people who were here before and now bring so many events each, so many a request."""
    with strict_aws(memory=Memory()) as aws, redirect_stdout(Sink()):
        for key in ("open", "gated"):
            channels.save_channel(Channel(code_name=key, name=key, type="website", consent_gate=key == "gated"))
            channels.save_write_key(key, channel=key, secret=False)
        track, flush, people = HANDLERS[name](), _flush(name), People(seed=3)
        for count in (1, each):
            events = [people.event(person) for person in range(LEAVES) for _ in range(count)]
            aws.reset()
            for start in range(0, len(events), size):
                track(request(events[start : start + size], key_of(name)))
            flush()
        events_flushed = LEAVES * each
        return aws.write_units.total() / events_flushed, aws.read_units.total() / events_flushed


def _flush(name: str) -> Callable[[], object]:
    if name == "textbook":
        from bench.textbook.textbook_flush import flush

        return flush
    from cdp_core.usecases.drain import drain

    return lambda: drain(lambda: 600_000)
