"""Who counts as selected, who is counted at all, and what is kept of it."""

import polars as pl
import pytest

from aris_pipeline.audit import ASSESSED, SCORING, TRIAGE, MeasuredImpact, read_quarantined
from aris_pipeline.errors import ConfigError
from aris_pipeline.storage import Impact, read_table
from aris_pipeline_tests.unit.audit.conftest import JUDGE, Judging, failed, triaged, verdict

SEXES = ["Female", "Female", "Male", "Male", "Female", "Male"]
ROWS = [
    verdict("Strong Yes", 3.9),
    verdict("Yes", 3.0),
    verdict("Yes", 2.6),
    verdict("No", 1.0),
    triaged(0.8),
    failed(None),
]


def counted(found: MeasuredImpact, basis: str) -> dict[str, tuple[int, int]]:
    """Returns selected and all, by category."""
    return {
        row["category"]: (row["selected"], row["n"]) for row in found.rows if row["basis"] == basis
    }


def test_triaged_and_failed_rows_are_counted_as_not_recommended(judged: Judging) -> None:
    batch = judged(*ROWS)

    found = batch.measure(batch.people(sex=SEXES))

    assert found.assessed == 6
    assert counted(found, "recommendation>=Yes") == {"Female": (2, 3), "Male": (1, 3)}


def test_the_scoring_rate_is_the_share_above_the_median_of_all_scores(judged: Judging) -> None:
    batch = judged(*ROWS)

    found = batch.measure(batch.people(sex=SEXES))

    # The median of 3.9, 3.0, 2.6, 1.0 and 0.8 is 2.6, and 2.6 is not above it.
    assert counted(found, SCORING) == {"Female": (2, 3), "Male": (0, 2)}
    assert found.unscored == 1


def test_the_cut_of_triage_is_a_basis_and_a_default_where_rows_were_left_out(
    judged: Judging,
) -> None:
    batch = judged(*ROWS)

    found = batch.measure(batch.people(sex=SEXES))

    assert [*dict.fromkeys(row["basis"] for row in found.rows)] == [
        SCORING,
        "recommendation>=Yes",
        TRIAGE,
    ]
    assert counted(found, TRIAGE) == {"Female": (2, 3), "Male": (3, 3)}


@pytest.mark.parametrize(
    ("asked", "basis", "women", "men"),
    [
        ("recommendation>=Strong Yes", "recommendation>=Strong Yes", 1, 0),
        ("recommendation >= strong yes", "recommendation>=Strong Yes", 1, 0),
        ("recommendation>=No", "recommendation>=No", 2, 2),
        ("top:50%", "top:50%", 2, 1),
        ("top:1", "top:1", 1, 0),
        ("top:0.1%", "top:0.1%", 1, 0),
    ],
)
def test_selected_is_by_the_order_of_the_scale_or_of_the_ranking(
    judged: Judging, asked: str, basis: str, women: int, men: int
) -> None:
    batch = judged(*ROWS)

    found = batch.measure(batch.people(sex=SEXES), selected=[asked])

    assert counted(found, basis) == {"Female": (women, 3), "Male": (men, 3)}


@pytest.mark.parametrize(
    ("asked", "problem"),
    [
        ("recommendation>=Good", "scale of aris-swe-v2 is, best first: Strong Yes, Yes, Maybe"),
        ("top:0", "no part of the 6 candidates"),
        ("top:6", "no part of the 6 candidates"),
        ("top:100%", "no part of the 6 candidates"),
        ("top:2.5", "no part of the 6 candidates"),
        ("score>3", "choose recommendation>=X, top:10%, top:50 or triage"),
        ("", "choose recommendation>=X"),
    ],
)
def test_a_basis_that_cannot_be_used_is_refused_with_the_remedy(
    judged: Judging, asked: str, problem: str
) -> None:
    batch = judged(*ROWS)

    with pytest.raises(ConfigError, match=problem):
        batch.measure(batch.people(sex=SEXES), selected=[asked])


def test_triage_is_no_basis_where_it_has_left_out_nobody(judged: Judging) -> None:
    batch = judged(*ROWS[:4])

    with pytest.raises(ConfigError, match="triage has left out no row of 2026-11-21_export"):
        batch.measure(batch.people(sex=SEXES[:4]), selected=["triage"])


def test_the_unknown_are_counted_in_each_dimension_and_are_in_no_category(judged: Judging) -> None:
    batch = judged(*ROWS)
    races = ["Asian", "", "Asian", "White", "White", "unknown"]

    found = batch.measure(batch.people(sex=SEXES, race=races))

    assert found.unknown == {"sex": 0, "race": 2, "sex,race": 2}
    rows = [row for row in found.rows if row["dimension"] == "sex,race"]
    # c5 has no score, so the scoring rate counts only c1 as unknown.
    assert {row["unknown_n"] for row in rows if row["basis"] == SCORING} == {1}
    assert {row["unknown_n"] for row in rows if row["basis"] == TRIAGE} == {2}


def test_without_scores_there_is_no_scoring_rate(judged: Judging) -> None:
    batch = judged(*(verdict(option, None) for option in ("Yes", "Yes", "No", "No")))

    found = batch.measure(batch.people(sex=SEXES[:4]))

    assert {row["basis"] for row in found.rows} == {"recommendation>=Yes"}
    assert found.unscored == 4


def test_the_table_holds_counts_and_nothing_else_of_the_demographics_is_written(
    judged: Judging,
) -> None:
    batch = judged(*ROWS)
    marked = ["Marked one", "Marked two"] * 3

    before = set(batch.store.root.rglob("*"))
    batch.measure(batch.people(sex=marked))

    written = [path for path in batch.store.root.rglob("*") if path.is_file()]
    new = [path for path in written if path not in before]
    assert new == [batch.store.impact(JUDGE, batch.batch.name)]
    assert not [path for path in written if path not in new and b"Marked" in path.read_bytes()]
    table = read_table(new[0], Impact, hint="audit again")
    assert table.columns == [
        *("basis", "dimension", "category", "n", "selected", "rate"),
        *("ratio", "low", "high", "fisher_p", "under_2pct", "unknown_n"),
    ]
    assert not any(f"c{n}" in str(table.rows()) for n in range(6))


def test_those_in_quarantine_count_once_as_not_assessed_and_in_no_other_basis(
    judged: Judging,
) -> None:
    batch = judged(*ROWS)
    file = batch.people(sex=[*SEXES, "Female", "Female"])
    before = batch.measure(file)
    batch.quarantine(
        {"custom_id": "c6"},
        {"custom_id": "c6", "rule": "over_size"},
        {"custom_id": "c7"},
        {"custom_id": "c0", "rule": "duplicate_id"},
        {"custom_id": "c1", "rule": "wrong_encoding"},
        {"custom_id": "nobody the file names"},
        {"custom_id": None, "rule": "malformed_json"},
    )

    found = batch.measure(file)

    assert counted(found, ASSESSED) == {"Female": (3, 5), "Male": (3, 3)}
    assert {row["unknown_n"] for row in found.rows if row["basis"] == ASSESSED} == {1}
    assert (found.assessed, found.quarantined, found.without_id) == (6, 3, 1)
    assert found.unknown == {"sex": 0}
    assert (before.strangers, found.strangers) == (2, 0)
    assert [row for row in found.rows if row["basis"] != ASSESSED] == before.rows


def test_a_duplicate_of_a_record_that_is_not_judged_yet_was_not_kept_out(judged: Judging) -> None:
    batch = judged(*ROWS)
    batch.quarantine({"custom_id": "c6", "rule": "duplicate_id"})

    found = batch.measure(batch.people(sex=[*SEXES, "Female"]))

    assert found.quarantined == 0


def test_without_a_known_category_in_quarantine_there_is_nothing_to_compare(
    judged: Judging,
) -> None:
    batch = judged(*ROWS)
    batch.quarantine({"custom_id": "c6"}, {"custom_id": "c7"})

    found = batch.measure(batch.people(sex=[*SEXES, "prefer not to say"]))

    assert counted(found, ASSESSED) == {}
    assert found.quarantined == 2


def test_who_was_assessed_in_another_batch_was_assessed(judged: Judging) -> None:
    winter, summer = judged(*ROWS, name="2026-01-05_winter"), judged(*ROWS, *ROWS)
    winter.quarantine({"custom_id": "c6"}, {"custom_id": "c99"})
    both = [winter.population, summer.population]

    alone, together = (read_quarantined(winter.store, some) for some in (both[:1], both))

    assert alone.ids.to_list() == ["c6", "c99"]
    assert together.ids.to_list() == ["c99"]


def test_the_order_of_the_file_does_not_matter(judged: Judging) -> None:
    batch = judged(*ROWS)
    file = batch.people(sex=SEXES)
    first = batch.measure(file)
    head, *rows = file.read_text().splitlines()
    file.write_text("\n".join([head, *reversed(rows)]))

    assert batch.measure(file) == first
    assert pl.DataFrame(first.rows).height == 6
