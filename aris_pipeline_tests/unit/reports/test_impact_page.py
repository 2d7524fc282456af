"""The page about categories: what is published, and what it must not hold."""

from datetime import date

import pytest

from aris_pipeline.reports import Published, write_impact_page
from aris_pipeline_tests.reading_pages import ReadPage, read_page
from aris_pipeline_tests.unit.audit.conftest import Judged, Judging, judged, triaged, verdict

__all__ = ["judged"]

HOSTILE = "<script>alert(1)</script>"
GIVEN = Published("Voluntary form of <2026>", date(2026, 1, 5), "fewer than five people")


def page(batch: Judged, published: Published = GIVEN) -> ReadPage:
    file = batch.people(sex=["Female", "Female", HOSTILE, "unknown"])
    found = batch.measure(file, without_small=published.left_out is not None)
    return read_page(write_impact_page(batch.store, [batch.population], found, published))


@pytest.fixture
def batch(judged: Judging) -> Judged:
    return judged(verdict("Yes", 3.0), verdict("No", 1.0), verdict("Yes", 2.5), triaged(0.5))


def test_it_has_what_the_rule_of_new_york_wants_published(batch: Judged) -> None:
    found = page(batch)

    data = found.sections["dates"]
    assert "Distribution date of the tool 2026-01-05" in data
    assert "Source of the categories Voluntary form of <2026>" in data
    assert "Assessed 4 of 4 candidates landed" in data
    assert "sex: 1 assessed candidates, who are not in the tables" in data
    assert "No category has less than 2 %, so none is left out" in data
    assert "Scoring rate: a score above the sample's median" in found.sections["basis-1"]
    assert "Female 2 1 50.0% 0.50" in found.sections["basis-2"]
    assert "Selected: answered by the model" in found.sections["basis-3"]


def test_small_categories_that_are_left_out_are_marked_with_the_reason(judged: Judging) -> None:
    batch = judged(*(verdict("Yes" if n % 2 else "No") for n in range(60)))
    file = batch.people(sex=["Female", "Male"] * 29 + ["Male", "Other"])

    found = read_page(
        write_impact_page(
            batch.store, [batch.population], batch.measure(file, without_small=True), GIVEN
        )
    )

    assert "The reason that was given: fewer than five people" in found.sections["dates"]
    assert "Other under 2 % 1 1 100.0%" in found.sections["basis-2"]
    assert "are marked, and not compared." in found.sections["reading"]


def test_those_in_quarantine_have_a_table_and_those_without_an_id_are_only_counted(
    judged: Judging,
) -> None:
    batch = judged(*(verdict("Yes") for _ in range(4)))
    batch.quarantine({"custom_id": "c4"}, {"custom_id": None})
    measured = batch.measure(batch.people(sex=["Female", "Female", "Male", "Male", "Male"]))

    file = write_impact_page(batch.store, [batch.population], measured, GIVEN)

    found = read_page(file).sections
    assert "1 candidates who are there alone are counted in the last tables" in found["dates"]
    assert "1 records without a readable id cannot be counted" in found["dates"]
    assert "Selected: assessed, not in quarantine" in found["basis-3"]
    assert "Male 3 2 66.7% 0.67" in found["basis-3"]
    assert "a ratio near 1 may hide" in found["reading"]


def test_it_says_what_it_is_not(batch: Judged) -> None:
    said = page(batch).sections["head"]

    assert "This is not a legal opinion, and not the independent audit itself." in said


def test_what_is_missing_for_publication_is_named_with_its_option(batch: Judged) -> None:
    data = page(batch, Published()).sections["dates"]

    assert "Distribution date of the tool not given --distributed DATE" in data
    assert "Source of the categories not given --source TEXT" in data
    assert "left out of the comparison" not in data


def test_it_holds_no_candidate_loads_nothing_and_runs_nothing(batch: Judged) -> None:
    found = page(batch)

    assert not any("c0" in text for text in found.sections.values())
    assert "default-src 'none'" in found.policy
    assert "script" not in found.elements
    assert set(found.addresses) == {"data:,", "#dates"}
