"""The page on which a rater labels: what it holds, and what it must not."""

from pathlib import Path

import pytest

from aris_pipeline.labels import Design
from aris_pipeline.reports import write_label_page
from aris_pipeline_tests.reading_pages import ReadPage, read_page
from aris_pipeline_tests.unit.labels.conftest import Judging, judged

__all__ = ["judged"]

HOSTILE = "</script><img src=x onerror=alert(1)>"


@pytest.fixture
def page(judged: Judging, tmp_path: Path) -> ReadPage:
    batch = judged(4, titles=[HOSTILE, "Cook"])
    out = tmp_path / "sheet.html"
    write_label_page(batch.population, batch.sheet(Design(top=4, borderline=0, random=0)), out)
    return read_page(out)


def test_the_page_has_the_profiles_and_the_words_of_the_rubric(page: ReadPage) -> None:
    assert page.data["criteria"] == ["recommendation", "education", "company", "trajectory", "role"]
    profiles = [row[-1] for row in page.data["rows"]]
    assert sorted(profiles)[:2] == [f"T Title: {HOSTILE}", "T Title: Cook"]
    said = page.sections["candidate"]
    assert "Strong Yes Yes Maybe No Strong No not labeled" in said


def test_the_page_has_no_verdict_score_or_stratum(page: ReadPage) -> None:
    assert page.data["head"] == ["batch", "sample_id", "row", "custom_id", "profile"]
    text = str(page.data)
    for said in ("Solid", "J1", "top", "score"):
        assert said not in text


def test_the_page_loads_nothing_and_runs_only_its_own_script(page: ReadPage) -> None:
    assert "default-src 'none'" in page.policy
    assert "unsafe" not in page.policy
    assert page.policy.count("sha256-") == 2
    assert set(page.addresses) == {"data:,", "#candidate"}
    assert "img" not in page.elements
