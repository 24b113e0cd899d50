"""Bad input to track and to the profiles API: no 5xx, nothing stored of what is refused, what is taken reads back equal.

Every test starts from a store with two channels and their keys in it. Not here, for they do not exist yet: segment bombs (I11),
SSRF by webhooks (I14), the console.
"""

import pytest

from tests.double import StrictAws
from tests.integration.bad_input.asking import Store, by_key
from tests.support.product import seed_keys


@pytest.fixture(autouse=True)
def store(aws: StrictAws) -> Store:
    """The store with two channels and their keys in it."""
    seed_keys()
    return Store(aws, by_key(aws.items("profiles")))
