"""Fixtures that every suite shares."""

from collections.abc import Iterator

import pytest

from tests.double import StrictAws, strict_aws


@pytest.fixture
def aws() -> Iterator[StrictAws]:
    """The product's stack on the strict double."""
    with strict_aws() as active:
        yield active
