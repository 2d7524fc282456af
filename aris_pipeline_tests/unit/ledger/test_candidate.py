import json

import pytest

from aris_pipeline.errors import ConfigError
from aris_pipeline.ledger import read_candidate, read_quarantined
from aris_pipeline.storage import Batch, DataStore, Prompts, Quarantine, RawCandidates
from aris_pipeline_tests.tables import write_table
from aris_pipeline_tests.unit.ledger.conftest import BATCH, JUDGE, SECOND, Write

MESSAGES = [
    {"role": "system", "content": "You judge."},
    {"role": "user", "content": [{"type": "text", "text": "Ada, 12 years"}]},
]


@pytest.fixture
def candidates(batch: Batch, store: DataStore) -> Batch:
    write_table(
        store.raw_candidates(SECOND),
        RawCandidates,
        {"custom_id": "b1", "first_name": "Ada", "skills": ["Go"]},
        {"custom_id": "b2"},
    )
    write_table(
        store.prompts(JUDGE, SECOND),
        Prompts,
        {"custom_id": "b1", "messages": json.dumps(MESSAGES)},
        {"custom_id": "b2"},
    )
    return batch


def test_a_candidate_is_shown_from_profile_to_verdict(
    candidates: Batch, store: DataStore, answer: Write, judge: Write
) -> None:
    answer(SECOND, {"custom_id": "b1", "text": "Yes: she ships"}, {"custom_id": "b2"})
    judge(SECOND, {"custom_id": "b1", "score": 3.5}, "b2")

    found = read_candidate(store, candidates, JUDGE, "b1")

    assert list(found) == ["profile", "prompt", "answer", "verdict", "ledger"]
    assert (found["profile"]["first_name"], found["profile"]["skills"]) == ("Ada", ["Go"])
    assert "last_name" not in found["profile"], "what is not known is left out"
    assert "[system]\nYou judge." in found["prompt"]
    assert "[user]\n" in found["prompt"]
    assert "Ada, 12 years" in found["prompt"]
    assert found["answer"] == "Yes: she ships"
    assert (found["verdict"]["is_valid"], found["verdict"]["score"]) == (True, 3.5)
    assert json.loads(json.dumps(found)) == found
    ledger = found["ledger"]
    assert (ledger["shard"], ledger["line"], ledger["state"]) == ("s001", 4, "evaluated")
    assert (ledger["attempt"], ledger["run_id"], ledger["reused"]) == (1, "earlier", False)


def test_a_candidate_that_is_not_judged_yet_is_shown_as_far_as_it_is(
    candidates: Batch, store: DataStore
) -> None:
    found = read_candidate(store, candidates, JUDGE, "b1")

    assert (found["answer"], found["verdict"]) == ("none yet", {})
    assert "You judge." in found["prompt"]


def test_a_refused_candidate_shows_the_engines_words(
    candidates: Batch, store: DataStore, answer: Write
) -> None:
    answer(SECOND, {"custom_id": "b1", "text": None, "error_message": "2049 > 2048"})

    assert read_candidate(store, candidates, JUDGE, "b1")["answer"] == "2049 > 2048"


def test_an_unknown_candidate_is_refused_by_name(candidates: Batch, store: DataStore) -> None:
    with pytest.raises(ConfigError, match=f"batch {BATCH.name} has no candidate 'nobody'"):
        read_candidate(store, candidates, JUDGE, "nobody")


def test_a_quarantined_row_is_shown_by_its_line_with_rule_and_raw_text(
    batch: Batch, store: DataStore
) -> None:
    rejected = {"custom_id": "b2", "line": 5, "rule": "no_usable_text", "raw": "{...}"}
    write_table(store.quarantine(SECOND), Quarantine, rejected)

    found = read_quarantined(store, batch, 5)

    assert (found["quarantine"]["rule"], found["quarantine"]["raw"]) == ("no_usable_text", "{...}")
    assert (found["ledger"]["state"], found["ledger"]["custom_id"]) == ("quarantined", "b2")
    assert read_quarantined(store, batch, 6)["ledger"]["shard"] == "landing"
    with pytest.raises(ConfigError, match="no row of line 4 in quarantine"):
        read_quarantined(store, batch, 4)
