"""The score as the probability that a person advances a candidate."""

import numpy as np
import pytest

from aris_pipeline.errors import DamagedDataError, TooFewLabelsError
from aris_pipeline.labels import Design, calibrate, newest_calibration
from aris_pipeline.labels.calibrating import with_human_chance
from aris_pipeline.labels.human_chance import ISOTONIC_FROM, Calibration, LabeledRows, fit
from aris_pipeline_tests.unit.labels.conftest import JUDGE, Judging

pytest.importorskip("scipy", reason="the extra `labels` is not installed")

ALL = Design(top=300, borderline=0, random=0)


def mostly_the_better(custom_id: str) -> str:
    """Advances the better third, but for some."""
    number = int(custom_id[1:])
    return "Yes" if (number < 100) != (number % 9 == 0) else "No"


def simulated(count: int) -> LabeledRows:
    """Scores 0 to 4, where the chance of a yes is a sigmoid that the model overstates."""
    chance = np.random.default_rng(5)
    score = chance.uniform(0, 4, count)
    truth = 1 / (1 + np.exp(-(2 * score - 6)))
    yes = (chance.uniform(size=count) < truth).astype(np.float64)
    p_yes = np.clip(score / 4, 0.01, 0.99)
    return LabeledRows(score, p_yes, yes, np.ones(count), [f"k{n}" for n in range(count)])


@pytest.mark.parametrize(("count", "method"), [(400, "platt"), (2_000, "isotonic")])
def test_a_calibration_finds_the_probability_and_halves_the_held_out_error(
    count: int, method: str
) -> None:
    found = fit(JUDGE, 1, simulated(count))

    assert found.method == method
    assert (count >= ISOTONIC_FROM) == (method == "isotonic")
    assert found.chance(np.array([3.0]))[0] == pytest.approx(0.5, abs=0.12)
    assert found.after.calibration_error < found.before.calibration_error / 2
    assert sum(one.labeled for one in found.after.bins) == count


@pytest.mark.parametrize("count", [400, 2_000])
def test_the_order_of_the_score_stays(count: int) -> None:
    chances = fit(JUDGE, 1, simulated(count)).chance(np.linspace(-1, 5, 200))

    assert (np.diff(chances) >= 0).all()
    assert ((chances >= 0) & (chances <= 1)).all()


def test_a_score_without_any_relation_gives_the_share_of_yes() -> None:
    rows = simulated(400)
    turned = LabeledRows(-rows.score, rows.p_yes, rows.yes, rows.weight, rows.keys)

    chances = fit(JUDGE, 1, turned).chance(np.array([-4.0, 0.0]))

    assert chances == pytest.approx([rows.yes.mean()] * 2, abs=0.02)


def test_a_version_is_kept_until_labels_change(judged: Judging) -> None:
    batch = judged(300)
    batch.label(ALL, mostly_the_better)

    first, is_new = calibrate(batch.store, batch.judge)
    again, is_new_again = calibrate(batch.store, batch.judge)
    batch.label(ALL, lambda who: "Maybe" if who == "c0" else mostly_the_better(who))
    second, _ = calibrate(batch.store, batch.judge)

    assert (first.version, is_new) == (1, True)
    assert (again, is_new_again) == (first, False)
    assert second.version == 2
    assert second.digest != first.digest
    assert newest_calibration(batch.store, batch.judge) == second
    assert len(list(batch.store.calibrations(batch.judge).iterdir())) == 2


def test_the_ranking_can_be_sorted_by_it_and_the_score_stays(judged: Judging) -> None:
    batch = judged(300)
    batch.label(ALL, mostly_the_better)
    rows = batch.population.rows
    assert with_human_chance(batch.store, batch.judge, rows) is None

    calibrate(batch.store, batch.judge)
    found = with_human_chance(batch.store, batch.judge, rows.reverse())

    assert found is not None
    assert found["custom_id"][0] == "c0"
    assert found["p_human_yes"].is_sorted(descending=True)
    assert found["score"].sort(descending=True).to_list() == rows["score"].to_list()


def test_too_few_labels_are_refused_with_what_is_needed(judged: Judging) -> None:
    batch = judged(300)
    batch.label(ALL, lambda _: "Yes")

    with pytest.raises(TooFewLabelsError, match="10 whom people advance and 10 whom they do not"):
        calibrate(batch.store, batch.judge)


def test_a_damaged_file_is_named_with_the_remedy(judged: Judging) -> None:
    batch = judged(3)
    file = batch.store.calibrations(batch.judge) / "v0001.json"
    file.parent.mkdir(parents=True)
    file.write_text("{}")

    with pytest.raises(DamagedDataError, match=r"v0001.json is no calibration .*delete it and run"):
        Calibration.read(file)
