"""Made-up events of a fixed seed, and the API Gateway requests that bring them."""

import base64
import json
import random
from typing import Any

NAMES = ("Product Viewed", "Cart Viewed", "Article Read", "Video Played")


class People:
    """Makes events in the words of Segment's SDKs, about 550 bytes each; every one has another id and time."""

    def __init__(self, seed: int, people: int = 1_000_000) -> None:
        self._dice, self._people = random.Random(seed), people

    def event(self, person: int | None = None) -> dict[str, Any]:
        """A track event of this person, or of any."""
        dice = self._dice
        person = dice.randrange(self._people) if person is None else person
        return {
            "type": "track",
            "event": dice.choice(NAMES),
            "messageId": self._id(),
            "anonymousId": f"5f0d9a52-4f0e-4a8e-9a52-{person:012x}",
            "userId": f"user-{person}",
            "timestamp": f"2026-11-24T10:{dice.randrange(60):02d}:{dice.randrange(60):02d}.{dice.randrange(1000):03d}Z",
            "properties": {
                "sku": f"SKU-{dice.randrange(9999)}",
                "price": 19.90,
                "currency": "EUR",
                "url": f"https://example.com/products/{dice.randrange(999)}",
            },
            "context": {
                "library": {"name": "analytics.js", "version": "2.1.0"},
                "page": {"path": "/products", "title": "Product", "url": "https://example.com/products"},
                "userAgent": "Mozilla/5.0 (X11; Linux x86_64) Gecko",
                "locale": "de-DE",
            },
        }

    def _id(self) -> str:
        bits = self._dice.getrandbits
        return f"{bits(32):08x}-{bits(16):04x}-4{bits(12):03x}-8{bits(12):03x}-{bits(48):012x}"

    def batch(self, events: int, *, of_one: bool = False) -> list[dict[str, Any]]:
        """So many events of anybody, or all of one person."""
        person = self._dice.randrange(self._people) if of_one else None
        return [self.event(person) for _ in range(events)]


def key_of(contender: str) -> str:
    """The write key with which a contender is asked: the one of a channel that asks for consents, or of one that does not."""
    return "gated" if contender in ("gated", "visitor") else "open"


def request(events: list[dict[str, Any]], key: str) -> dict[str, Any]:
    """What API Gateway hands to a function for a batch (payload 2.0)."""
    body = json.dumps({"batch": events, "sentAt": "2026-11-24T10:00:00.000Z"}, separators=(",", ":"))
    headers = {
        "authorization": "Basic " + base64.b64encode(f"{key}:".encode()).decode(),
        "content-type": "application/json",
        "host": "track.example.com",
        "user-agent": "Mozilla/5.0",
        "x-forwarded-proto": "https",
    }
    return {
        "version": "2.0",
        "routeKey": "POST /v1/batch",
        "rawPath": "/v1/batch",
        "rawQueryString": "",
        "headers": headers,
        "requestContext": {"http": {"method": "POST", "path": "/v1/batch"}, "stage": "$default", "requestId": "r"},
        "body": body,
        "isBase64Encoded": False,
    }
