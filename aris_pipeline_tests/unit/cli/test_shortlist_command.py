from pathlib import Path

import pytest

from aris_pipeline.labels import Design
from aris_pipeline_tests.command import aris
from aris_pipeline_tests.unit.labels.conftest import Judging, judged

__all__ = ["judged"]


def half(custom_id: str) -> str:
    return "Yes" if int(custom_id[1:]) < 100 else "No"


def test_the_list_is_said_with_its_assumption_and_written(judged: Judging, tmp_path: Path) -> None:
    batch = judged(200)
    batch.label(Design(top=0, borderline=0, random=200), half)
    out = tmp_path / "list.csv"

    ended = aris("shortlist", batch.batch.name, "--out", out, "--data-dir", batch.store.root)

    assert ended.code == 0
    assert "With confidence 90% they are at least 95% of all whom people would advance" in (
        ended.stdout
    )
    assert "This holds if the labeled batches and this one have the same kind" in ended.stdout
    assert out.read_text("utf-8-sig").splitlines()[:2] == [
        "custom_id,score,recommendation",
        "c0,4.0,Strong Yes",
    ]


def test_too_few_labels_are_refused_with_the_number_that_is_needed(judged: Judging) -> None:
    batch = judged(20)

    ended = aris("shortlist", batch.batch.name, "--data-dir", batch.store.root, "--json")

    assert ended.code == 2
    assert "at least 45 candidates" in ended.stderr
    assert ended.figures["error_type"] == "TooFewLabelsError"


@pytest.mark.parametrize("option", ["--recall", "--confidence"])
def test_a_share_beyond_1_is_refused(judged: Judging, option: str) -> None:
    batch = judged(5)

    ended = aris("shortlist", batch.batch.name, option, 95, "--data-dir", batch.store.root)

    assert ended.code == 2
    assert f"{option} 95.0 is not from" in ended.stderr
    assert "give a number such as 0.95" in ended.stderr
