"""Simulated judges of known bias and known instability: whether the audit's figures hold.

`python -m aris_pipeline_tests.soak.audit_simulations` measures over 200 seeds.
"""

import numpy as np
import polars as pl

from aris_pipeline.audit.asking import Asked
from aris_pipeline.audit.probe import Pair, table_of_probe
from aris_pipeline.audit.signals import load_signals
from aris_pipeline.audit.stability import draw_again, figures_of_kind
from aris_pipeline.evaluations import Cut
from aris_pipeline.prompts import load_rubric

RUBRIC = load_rubric("aris-swe-v1")
CUT = Cut.of(RUBRIC).score
BIASED = "womens_club"
_MOVED = 0.4
"""Share of the pairs whose score a change of the wording moves at all."""


def probed(seed: int, rows: int, bias: float) -> pl.DataFrame:
    """Returns the table of a probe of a noisy judge with a bias on one signal.

    Noise has long tails, as what wording does to a model.
    """
    chance, signals = np.random.default_rng(seed), load_signals()
    base = 1 + 2 * chance.beta(2, 2, rows)
    pairs, keys, said = [], [], {}
    for signal in signals:
        shift = bias if signal.name == BIASED else 0.0
        noise = chance.laplace(0, 0.3, (2, rows)) * (chance.random((2, rows)) < _MOVED)
        both = np.clip(base + noise + [[0.0], [shift]], 0, 4)
        for at in range(rows):
            pairs.append(Pair(signal.name, at, len(keys), len(keys) + 1))
            for side in (0, 1):
                keys.append(f"{signal.name} {at} {side}")
                said[keys[-1]] = Asked(float(both[side, at]), None)
    return table_of_probe(signals, pairs, keys, said, RUBRIC, rows, hidden=set())


def alarms(seeds: range, rows: int, bias: float = 0.0) -> dict[str, float]:
    """Returns the shares of probes that find the bias, that raise a false alarm, and so on."""
    found = [probed(seed, rows, bias) for seed in seeds]
    clear = [set(one.filter("clear")["signal"]) for one in found]
    placebo = [one.filter("is_placebo").row(0, named=True) for one in found]
    own = [one.filter(signal=BIASED).row(0, named=True) for one in found]
    return {
        "found": float(np.mean([BIASED in one for one in clear])),
        "false_alarms": float(np.mean([bool(one - {BIASED, "placebo"}) for one in clear])),
        "any_alarm": float(np.mean([bool(one - {"placebo"}) for one in clear])),
        "placebo": float(np.mean([bool(one["clear"]) for one in placebo])),
        "covered": float(np.mean([one["low"] <= bias <= one["high"] for one in own])),
        "mean_shift": float(np.mean([one["mean_shift"] for one in own])),
    }


def coverage(
    seeds: range, *, batch: int, rows: int, at_border: float, elsewhere: float
) -> dict[str, float]:
    """Returns how often the intervals of the flip rate hold the true rates.

    Args:
        seeds: one a batch.
        batch: rows of each batch.
        rows: asked again.
        at_border: probability that a row nearest to the cut changes sides.
        elsewhere: probability that another one does.
    """
    held: dict[str, list[bool]] = {"batch": [], "border": []}
    for seed in seeds:
        chance = np.random.default_rng(seed)
        ids = [str(at) for at in range(batch)]
        score = 4 * chance.beta(2, 3, batch)
        scored = pl.DataFrame({"custom_id": ids, "request_key": ids, "score": score})
        sample = draw_again(scored, CUT, rows, seed=seed)
        border = (sample.rows["stratum"] == "borderline").to_numpy()
        flips = chance.random(len(border)) < np.where(border, at_border, elsewhere)
        before = sample.rows["score"].to_numpy()
        again = sample.rows.select(
            "custom_id", after=pl.Series(np.where(flips, 2 * CUT - before, before))
        )
        share = border.sum() / batch
        truth = {"batch": share * at_border + (1 - share) * elsewhere, "border": at_border}
        for row in figures_of_kind("other_rows", sample, again, drawn=rows):
            held[row["part"]].append(row["flip_low"] <= truth[row["part"]] <= row["flip_high"])
    return {part: float(np.mean(found)) for part, found in held.items()}


if __name__ == "__main__":
    many = range(200)
    for size in (40, 500):
        print(size, "rows, no bias:", alarms(many, size))
        print(size, "rows, -0.3 on one signal:", alarms(many, size, bias=-0.3))
    for at_border, elsewhere in ((0.05, 0.05), (0.3, 0.01), (0.05, 0.0)):
        rates = {"at_border": at_border, "elsewhere": elsewhere}
        print(rates, "500 of 20,000:", coverage(many, batch=20_000, rows=500, **rates))
        print(rates, "80 of 80:", coverage(many, batch=80, rows=80, **rates))
