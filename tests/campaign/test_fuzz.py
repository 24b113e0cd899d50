"""Fuzzing at a size that fits every run of the tests; `fuzz.py` says what is held."""

from tests.campaign.fuzz import ANSWERS, fuzz_api, fuzz_wires


def test_no_request_to_a_wire_is_our_fault_and_what_is_taken_reads_back() -> None:
    """I1 to I8, I16."""
    figures = fuzz_wires(examples=1_500, seed=1)
    assert figures["read back"] > 0
    assert {int(name) for name in figures if name.isdigit()} <= ANSWERS
    assert {"200", "207", "400", "401", "415"} <= figures.keys()


def test_the_profiles_api_answers_as_its_document_says() -> None:
    """I1 to I4, I8, I10: right and wrong data for every operation."""
    figures = fuzz_api(examples=12, seed=1)
    assert figures.keys() - {"examples"} <= {"200", "201", "202", "400", "404", "409"}
    assert {"200", "201", "202", "400", "404"} <= figures.keys()
