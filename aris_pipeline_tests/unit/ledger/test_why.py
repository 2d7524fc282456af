import pytest

from aris_pipeline.errors import ConfigError
from aris_pipeline.ledger import explain
from aris_pipeline.storage import Batch, DataStore, Judge, Quarantine, RawCandidates
from aris_pipeline_tests.tables import WITH_EVIDENCE, write_table, write_verdicts
from aris_pipeline_tests.unit.ledger.conftest import FIRST, JUDGE, SECOND, Write


@pytest.fixture
def judged(batch: Batch, store: DataStore) -> Batch:
    write_table(store.raw_candidates(FIRST), RawCandidates, {"custom_id": "a1", "line": 7})
    invalid = {"is_valid": False, "recommendation": None, "invalid_reason": "truncated"}
    rows = ({"custom_id": "a1"}, {"custom_id": "a2", "score": 3.5}, {"custom_id": "a3", **invalid})
    write_verdicts(store, JUDGE, batch, WITH_EVIDENCE, *rows)
    return batch


def test_a_verdict_comes_with_its_rubric_rank_and_line(
    judged: Batch, store: DataStore, answer: Write
) -> None:
    lowered = '{"lowered": {"max_tokens": 9}, "reseeded": {"seed": 1}}'
    answer(FIRST, {"custom_id": "a1", "request_key": "k0", "attempt": 3, "overrides": lowered})

    found = explain(store, judged, JUDGE, "a1")

    assert (found.rubric, found.verdict["custom_id"]) == (WITH_EVIDENCE, "a1")
    assert (found.rank, found.ranked, found.file, found.line) == (2, 2, "export.json", 7)
    assert (found.attempt, found.repairs) == (3, ("reseeded",)), "a lowered limit is no repair"
    assert found.as_dict()["repairs"] == ["reseeded"]


def test_an_answer_to_an_older_request_is_not_that_of_the_verdict(
    judged: Batch, store: DataStore, answer: Write
) -> None:
    answer(FIRST, {"custom_id": "a1", "request_key": "another"})

    assert explain(store, judged, JUDGE, "a1").attempt is None


def test_a_failed_row_has_no_rank(judged: Batch, store: DataStore) -> None:
    found = explain(store, judged, JUDGE, "a3")

    assert (found.rank, found.ranked, found.attempt) == (None, 2, None)
    assert found.verdict["invalid_reason"] == "truncated"


@pytest.mark.parametrize(
    ("who", "says"),
    [
        ("b1", r"'b1' has no verdict by aris-swe-v1 and small yet: run export.json again"),
        ("b2", r"'b2' is in quarantine \(wrong_type\): `aris show .* --line 5` shows why"),
        ("nobody", r"has no candidate 'nobody'"),
    ],
)
def test_a_candidate_without_a_verdict_is_looked_for(
    judged: Batch, store: DataStore, who: str, says: str
) -> None:
    write_table(store.raw_candidates(SECOND), RawCandidates, {"custom_id": "b1"})
    write_table(store.quarantine(SECOND), Quarantine, {"custom_id": "b2", "line": 5})

    with pytest.raises(ConfigError, match=says):
        explain(store, judged, JUDGE, who)


def test_openai_requests_have_no_criteria_to_explain(batch: Batch, store: DataStore) -> None:
    with pytest.raises(
        ConfigError, match=r"--candidate ID` shows one answer, `aris export .*openai"
    ):
        explain(store, batch, Judge("openai", "small"), "a1")
