"""What people decided, beside what the judge had recommended."""

from pathlib import Path

import pytest

from aris_pipeline.errors import InputError
from aris_pipeline.labels import decisions_on, import_decisions, overrides
from aris_pipeline_tests.command import aris
from aris_pipeline_tests.unit.labels.conftest import SCALE, Judging, Labeled

ADVANCING = SCALE[:2]


@pytest.fixture
def batch(judged: Judging) -> Labeled:
    """Of c0 to c4, the first two are recommended."""
    return judged(5)


def table(batch: Labeled, *lines: str) -> Path:
    file = batch.folder / "decisions.csv"
    file.write_text("\n".join(["custom_id,decision,reason", *lines]))
    return file


def test_decisions_are_kept_with_reason_person_and_recommendation(batch: Labeled) -> None:
    file = table(batch, "c0,Advance,", 'c4,advance,"met, at a fair"')

    found = import_decisions(batch.store, batch.population, file, "Ada")

    assert (found.kept, found.refused) == (2, [])
    (decision,) = decisions_on(batch.store, batch.batch, "c4")
    assert decision["decision"] == "advance"
    assert decision["reason"] == "met, at a fair"
    assert decision["decided_by"] == "Ada"
    assert decision["recommendation"] == "Strong No"


def test_importing_twice_changes_nothing_and_the_newest_decision_counts(batch: Labeled) -> None:
    file = table(batch, "c0,hold,")
    import_decisions(batch.store, batch.population, file, "Ada")

    assert import_decisions(batch.store, batch.population, file, "Ada").known == 1
    import_decisions(batch.store, batch.population, table(batch, "c0,reject,no"), "Ada")

    (decision,) = decisions_on(batch.store, batch.batch, "c0")
    assert decision["decision"] == "reject"


def test_a_bad_row_is_named_and_the_others_are_kept(batch: Labeled) -> None:
    file = table(batch, "nobody,advance,", "c1,perhaps,", "c2,,", "c3,hold,")

    found = import_decisions(batch.store, batch.population, file, "Ada")

    assert (found.kept, found.empty) == (1, 1)
    unknown, option = map(str, found.refused)
    assert unknown.startswith("decisions.csv, row 2, custom_id: batch 2026-11-21_export has no")
    assert option == (
        "decisions.csv, row 3, decision: 'perhaps' is no decision: write advance, reject, hold"
    )


def test_two_decisions_on_one_candidate_in_a_file_are_named_and_the_first_is_kept(
    batch: Labeled,
) -> None:
    file = table(batch, "c0,advance,met", "c1,hold,", "c0,reject,")

    found = import_decisions(batch.store, batch.population, file, "Ada")

    assert [str(one) for one in found.refused] == [
        "decisions.csv, row 4, decision: 'reject' contradicts an earlier line about this "
        "candidate: keep one of the lines"
    ]
    (decision,) = decisions_on(batch.store, batch.batch, "c0")
    assert (decision["decision"], decision["reason"]) == ("advance", "met")


def test_a_file_of_another_kind_is_refused(batch: Labeled) -> None:
    file = batch.folder / "other.csv"
    file.write_text("name,verdict\nAda,yes\n")

    with pytest.raises(InputError, match="has no column custom_id, decision"):
        import_decisions(batch.store, batch.population, file, "Ada")


def test_an_override_is_a_decision_against_the_recommendation(batch: Labeled) -> None:
    assert overrides(batch.store, batch.judge, batch.batch, ADVANCING) is None
    file = table(batch, "c0,advance,", "c1,reject,", "c2,hold,", "c3,advance,", "c4,reject,")
    import_decisions(batch.store, batch.population, file, "Ada")

    found = overrides(batch.store, batch.judge, batch.batch, ADVANCING)

    assert found is not None
    assert (found.decided, found.advanced, found.rejected, found.rate) == (4, 1, 1, 0.5)


def test_the_command_says_what_it_kept(batch: Labeled) -> None:
    file = table(batch, "c0,advance,", "c1,perhaps,")

    ended = aris(
        *("decide", "import", file, "--batch", batch.batch.name, "--by", "Ada"),
        *("--data-dir", batch.store.root, "--json"),
    )

    assert ended.code == 1
    assert ended.figures["kept"] == 1
    assert "'perhaps' is no decision" in ended.stderr
