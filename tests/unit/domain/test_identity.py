"""Blocked identifiers (design section 5): the quick looks at first and last letters never let one through."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdp_core.domain.identity import any_blocked, is_blocked

WORDS = (
    *("-1", "null", "undefined", "none", "nil", "nan", "anonymous", "guest", "unknown", "true", "false"),
    *(
        "[object Object]",
        "{}",
        "[]",
        '""',
        "''",
        "not set",
        "n/a",
        "0",
        "-",
        "0000",
        "00000000-0000-0000-0000-000000000000",
    ),
)
NAMES = (
    "user-0",
    "5f0d9a52-4f0e-4a8e-9a52-000000000000",
    "1",
    "10",
    "-2",
    "nulla",
    "annull",
    "Trueman",
    "guest7",
    "n",
    "0x0",
)


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize("form", ["{}", " {} ", "\t{}", "{}\n", "\u00a0{}\u2003"])
def test_a_blocked_word_is_blocked_in_any_letters_and_among_any_spaces(word: str, form: str) -> None:
    for said in (word, word.upper(), word.lower(), word.title()):
        value = form.format(said)
        assert is_blocked(value)
        assert any_blocked(["user-1", None, "", value])


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_only_looks_like_one_is_not(name: str) -> None:
    assert not is_blocked(name)
    assert not any_blocked([name, None, ""])


@given(st.lists(st.none() | st.sampled_from(WORDS + NAMES) | st.text(alphabet="0-1unl TRUE\u017f\u212a", min_size=1)))
def test_many_are_judged_as_each_by_itself(values: list[str | None]) -> None:
    assert any_blocked(values) == any(is_blocked(value) for value in values if value)
