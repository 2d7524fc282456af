"""Who should be looked at, and why."""

from pathlib import Path
from typing import Any

import pytest

from aris_pipeline.evaluations import Cut
from aris_pipeline.prompts import Rubric
from aris_pipeline.reports.remedies import FAILED, QUARANTINED
from aris_pipeline.reports.review import ReviewQueue, review_queue
from aris_pipeline.reports.verdicts import read_verdicts
from aris_pipeline_tests.unit.reports.conftest import Judging

OUTPUTS = Path(__file__).parents[3] / "docs/outputs.md"


@pytest.fixture
def queue(judged: Judging) -> Any:
    def look(*rows: dict[str, Any], most: int = 100, **options: Any) -> ReviewQueue:
        made = judged(*rows, **options)
        return review_queue(read_verdicts(made.store, made.judge, made.batch, names=False), most)

    return look


@pytest.mark.parametrize(
    ("row", "reason", "detail"),
    [
        ({"score_recommendation": "No"}, "disagrees", "wrote Yes, its likeliest verdict is No"),
        ({"contradictions": ["years"]}, "contradicts", "years"),
        ({"ungrounded": ["MIT"]}, "not grounded", "does not have MIT"),
        ({"suspected_instructions": True}, "orders in the profile", "orders"),
        ({"shortened": True}, "shortened", "shortened text"),
        ({"overrides": {"longer": {}}}, "repaired", "longer"),
        ({"score": 2.7}, "near the cut", "2.70"),
        ({"score": 2.25}, "near the cut", "2.25"),
    ],
)
def test_a_row_is_in_the_queue_with_its_reason(
    queue: Any, row: dict[str, Any], reason: str, detail: str
) -> None:
    found = queue({"custom_id": "one", **row}, {})

    (one,) = found.rows
    assert one.row["custom_id"] == "one"
    ((short, full),) = one.reasons
    assert short == reason
    assert detail in full


def test_a_good_row_a_lowered_limit_and_a_row_without_a_score_are_not_in_the_queue(
    queue: Any,
) -> None:
    assert queue({}, {"overrides": {"lowered": {}}}, {"score": None}, {"score": 2.8}).total == 0


def test_rows_with_most_reasons_come_first_and_the_rest_is_counted(queue: Any) -> None:
    found = queue(
        {"custom_id": "one", "shortened": True},
        {"custom_id": "three", "shortened": True, "score": 2.5, "ungrounded": ["MIT"]},
        {"custom_id": "two", "shortened": True, "score": 2.5, "recommendation": "Strong No"},
        {"custom_id": "best", "shortened": True, "recommendation": "Strong Yes"},
        most=3,
    )

    assert [one.row["custom_id"] for one in found.rows] == ["three", "two", "best"]
    assert found.total == 4
    assert found.by_reason == {"ungrounded": 1, "shortened": 4, "near_cut": 2}
    assert found.keys["one"] == ["shortened"]


def test_rows_of_a_file_with_its_own_questions_can_be_looked_at_too(queue: Any) -> None:
    found = queue({"shortened": True}, {"overrides": {"reseeded": {}}}, {}, by=None)

    assert found.by_reason == {"shortened": 1, "repaired": 1}


@pytest.mark.parametrize(
    ("scale", "advancing", "score"),
    [
        (("Strong Yes", "Yes", "Maybe", "No", "Strong No"), ("Strong Yes", "Yes"), 2.5),
        (("A", "B", "C", "D"), ("A", "B"), 1.5),
        (("Fit", "Perhaps", "Unfit"), ("Fit",), 1.5),
        (("Fit", "Unfit"), ("Fit",), 0.5),
    ],
)
def test_the_upper_half_of_a_scale_advances(
    rubric: Rubric, scale: tuple[str, ...], advancing: tuple[str, ...], score: float
) -> None:
    cut = Cut.of(rubric.model_copy(update={"recommendations": scale}))

    assert (cut.advancing, cut.score) == (advancing, score)


def test_every_reason_of_the_documentation_has_a_remedy() -> None:
    failed, _, rest = OUTPUTS.read_text().partition("| quarantine `rule`")
    failed = failed.partition("| `invalid_reason` | meaning")[2]
    for table, known in ((failed, FAILED), (rest.partition("\n\n")[0], QUARANTINED)):
        lines = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
        named = {name.strip(" `") for line in lines for name in line.split(",")}
        assert named == set(known)
