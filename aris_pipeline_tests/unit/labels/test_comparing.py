"""Two judges on the same labeled rows, and labels as chats."""

import json

import pytest

from aris_pipeline.errors import TooFewLabelsError
from aris_pipeline.labels import Design, compare_judges, labeled_chats
from aris_pipeline.storage import Judge
from aris_pipeline_tests.command import aris
from aris_pipeline_tests.unit.labels.conftest import JUDGE, Judging, Labeled

OTHER = Judge("aris-swe-v1", "small")
ALL = Design(top=100, borderline=0, random=0)


def better_third(custom_id: str) -> str:
    return "Yes" if int(custom_id[1:]) < 33 else "No"


@pytest.fixture
def batch(judged: Judging) -> Labeled:
    """The first judge orders as people do, the other as if by chance."""
    scores = [4 * (n * 37 % 100) / 100 for n in range(100)]
    judged(scores=scores, judge=OTHER)
    batch = judged(100)
    batch.label(ALL, better_third)
    return batch


def test_a_judge_that_orders_as_people_do_is_clearly_better(batch: Labeled) -> None:
    other = Labeled(batch.store, batch.batch, batch.folder, OTHER)

    rows, found = compare_judges(batch.store, other.population, batch.population)

    assert rows == 100
    auc = next(one for one in found if one.figure == "auc")
    assert auc.second == 1.0
    assert auc.first < 0.7
    assert auc.is_clear
    assert auc.change.low > 0.2


def test_a_judge_beside_itself_has_no_difference(batch: Labeled) -> None:
    _, found = compare_judges(batch.store, batch.population, batch.population)

    assert [one.change.value for one in found] == [0.0] * 5
    assert not any(one.is_clear for one in found)


def test_on_few_labels_no_change_is_called_clear(judged: Judging) -> None:
    judged(scores=[4 * n / 20 for n in range(20)], judge=OTHER)
    batch = judged(20)
    batch.label(ALL, lambda custom_id: "Yes" if int(custom_id[1:]) < 7 else "No")

    other = Labeled(batch.store, batch.batch, batch.folder, OTHER)
    _, found = compare_judges(batch.store, other.population, batch.population)

    auc = next(one for one in found if one.figure == "auc")
    assert (auc.first, auc.second) == (0.0, 1.0)
    assert not any(one.is_clear for one in found)


def test_without_labels_there_is_nothing_to_compare(judged: Judging) -> None:
    judged(10, judge=OTHER)
    batch = judged(10)

    with pytest.raises(TooFewLabelsError, match="label a sample of it"):
        compare_judges(batch.store, batch.population, batch.population)


def test_the_command_names_both_judges_and_what_is_clear(batch: Labeled) -> None:
    where = ("--data-dir", batch.store.root)
    name = batch.batch.name

    ended = aris(
        "label", "compare", name, "--rubric", "aris-swe-v1", "--rubric", "aris-swe-v2", *where
    )

    assert ended.code == 0
    assert "first: aris-swe-v1, small; second: aris-swe-v2, small" in ended.stdout
    alone = aris("label", "compare", name, "--rubric", "aris-swe-v2", *where)
    assert alone.code == 2
    assert "name two judges" in alone.stderr


def test_labels_are_exported_as_chats_with_the_prompt_and_the_label(batch: Labeled) -> None:
    out = batch.folder / "chats.jsonl"

    made = aris(
        *("label", "export", batch.batch.name, "--format", "openai", "--out", out),
        *("--rubric", JUDGE.rubric, "--data-dir", batch.store.root, "--json"),
    ).figures

    lines = [json.loads(line) for line in out.read_text().splitlines()]
    assert made["rows"] == len(lines) == 100
    assert lines == [json.loads(line) for line in labeled_chats(batch.store, batch.population)]
    user, answer = lines[0]["messages"]
    assert "T Title: Engineer" in user["content"]
    assert answer == {"role": "assistant", "content": '{"recommendation": "Yes"}'}
