import polars as pl

from aris_pipeline.charts import score_distribution, verdict_mix
from aris_pipeline.charts.canvas import to_svg
from aris_pipeline.prompts import Criterion, Rubric
from aris_pipeline.storage import Evaluations
from aris_pipeline_tests.tables import table
from aris_pipeline_tests.unit.charts.conftest import assert_fits_the_event_log, evaluated

ALL = ["Strong Yes", "Yes", "Maybe", "No", "Strong No"]


def test_a_shard_is_drawn_beside_earlier_batches(rubric: Rubric) -> None:
    this = evaluated(rubric, [*ALL * 1_000, None])
    earlier = {f"2026-11-{n}_nightly-export-of-the-platform": this for n in (20, 19, 18, 17)}

    assert_fits_the_event_log(verdict_mix(this, earlier, rubric))


def test_the_first_shard_of_all_is_drawn_alone(rubric: Rubric) -> None:
    assert_fits_the_event_log(verdict_mix(evaluated(rubric, ["Maybe"]), {}, rubric))


def test_batches_whose_shortened_names_are_alike_are_drawn_apart(rubric: Rubric) -> None:
    this = evaluated(rubric, ALL)
    one, other = "2026-11-20_export-a-of-the-platform", "2026-11-20_export-b-of-the-platform"
    both = verdict_mix(this, {one: this, other: this}, rubric)

    assert_fits_the_event_log(both)
    assert both != verdict_mix(this, {one: this}, rubric)


def test_verdicts_of_an_older_wording_of_the_rubric_do_not_count(rubric: Rubric) -> None:
    this = evaluated(rubric, ALL)
    renamed = pl.DataFrame({"recommendation": ["Yes", "No", "Perhaps"]})
    known = pl.DataFrame({"recommendation": ["Yes", "No"]})

    assert verdict_mix(this, {"b": renamed}, rubric) == verdict_mix(this, {"b": known}, rubric)


def test_a_rubric_may_have_other_options_and_more_criteria(rubric: Rubric) -> None:
    own = rubric.model_copy(
        update={
            "ratings": ("Fit", "Unfit"),
            "recommendations": ("A+", "A", "B", "C", "D", "E", "F"),
            "criteria": tuple(
                Criterion(name=f"c{n}", title=f"Criterion $_{n}$", guidance="") for n in range(8)
            ),
        }
    )

    assert_fits_the_event_log(verdict_mix(evaluated(own, own.recommendations), {}, own))


def test_a_shard_without_a_valid_answer_has_no_mix(rubric: Rubric) -> None:
    assert verdict_mix(evaluated(rubric, []), {}, rubric) is None
    assert verdict_mix(evaluated(rubric, [None, None]), {}, rubric) is None


def test_a_file_that_brought_its_own_questions_has_no_mix() -> None:
    assert verdict_mix(table(Evaluations, {}), {}, None) is None


def test_the_picture_is_the_same_whoever_the_candidates_are(rubric: Rubric) -> None:
    theirs = evaluated(rubric, ALL, custom_id="c-1", answer_json="{}", request_key="k-1")
    others = evaluated(rubric, ALL, custom_id="c-2", answer_json="[]", request_key="k-2")

    assert verdict_mix(theirs, {}, rubric) == verdict_mix(others, {}, rubric)


def test_scores_are_drawn_by_recommendation_with_text_that_stays_text(rubric: Rubric) -> None:
    judged = evaluated(rubric, ALL * 20, score=2.6)

    drawn = score_distribution(judged, rubric.recommendations, 2.5)

    assert drawn is not None
    assert drawn == score_distribution(judged, rubric.recommendations, 2.5)
    svg = drawn.decode()
    assert svg.count("<image") == 0
    for text in (*ALL, "the cut", "20"):
        assert f">{text}</text>" in svg


def test_without_a_score_there_is_no_distribution(rubric: Rubric) -> None:
    assert score_distribution(evaluated(rubric, ALL), rubric.recommendations, 2.5) is None


def test_the_mix_can_be_an_svg_under_another_name(rubric: Rubric) -> None:
    drawn = verdict_mix(evaluated(rubric, ALL), {}, rubric, label="this batch", draw=to_svg)

    assert drawn is not None
    assert ">this batch</text>" in drawn.decode()
