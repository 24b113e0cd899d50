"""The kinds of random schedules."""

from dataclasses import dataclass, field

from tests.campaign.world import Weather


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """One kind of schedule: who there is, what they do, how often, in which weather."""

    users: int = 1
    visitors: int = 1
    requests: int = 8
    events: int = 3
    flushers: int = 4
    batch: int = 4
    visibility: int = 40
    retries: float = 0.5
    links: float = 0.0
    deletes: int = 0
    unmerges: int = 0
    merges: int = 0
    repairs: int = 0
    consents: int = 0
    dead_after: int = 0
    expiring: bool = False
    comes_back: bool = False
    faults: float = 0.0
    spans: tuple[int, ...] = (10, 60, 250)
    weather: Weather = field(default_factory=Weather)


CONFIGS: dict[str, Config] = {
    "plain": Config(),
    "zombies": Config(visibility=6, flushers=5),
    "hot leaf": Config(visitors=0, requests=12, batch=8, visibility=12, flushers=5),
    "delete": Config(deletes=2, visibility=15),
    "delete+skew": Config(deletes=2, visibility=15, weather=Weather(skew=4)),
    "dead-letter queue": Config(dead_after=2, visibility=10, weather=Weather(crash=0.03)),
    "links": Config(users=2, visitors=3, requests=10, links=0.6, unmerges=2, merges=2, visibility=15),
    "repairs": Config(repairs=3, visibility=10),
    "links+deletes": Config(users=2, visitors=3, requests=10, links=0.7, unmerges=2, merges=2, deletes=3, spans=(60, 150), visibility=12, weather=Weather(lost=0.06, late=0.05, skew=4)),
    "consents": Config(users=2, visitors=3, requests=14, links=0.5, unmerges=2, deletes=1, consents=6, spans=(60, 250), visibility=12, weather=Weather(lost=0.05, late=0.05, skew=4)),
    "expiring tombstones": Config(users=1, visitors=0, requests=12, deletes=2, expiring=True, comes_back=True, visibility=5, spans=(1000, 1500), weather=Weather(calm=1800, straggle=15, skew=3)),
    "everything": Config(users=2, visitors=2, requests=10, links=0.5, unmerges=1, deletes=2, repairs=1, consents=3, dead_after=4, expiring=True, visibility=8, spans=(60, 250), weather=Weather(crash=0.02, lost=0.05, late=0.04, skew=4)),
}  # fmt: skip
FAULTY = Config(
    users=2,
    visitors=2,
    links=0.4,
    deletes=1,
    unmerges=1,
    faults=0.3,
    weather=Weather(crash=0, lost=0, late=0, refused=0),
)
