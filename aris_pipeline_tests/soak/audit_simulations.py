"""Simulated judges of known bias and known instability: whether the audit's figures hold."""

from collections.abc import Iterator

import numpy as np
import polars as pl

from aris_pipeline.audit.asking import Asked
from aris_pipeline.audit.probe import table_of_probe
from aris_pipeline.audit.signals import Signal, load_signals
from aris_pipeline.audit.stability import draw_again, figures_of_kind
from aris_pipeline.evaluations import Cut
from aris_pipeline.prompts import load_rubric
from aris_pipeline_tests.soak.processes import Workshop
from aris_pipeline_tests.soak.results import Try

RUBRIC = load_rubric("aris-swe-v1")
CUT = Cut.of(RUBRIC).score
BIASED = "club_of_women"
_SEEDS = 200
_LEAST = 0.93
_MOST = 0.05 + 3 * (0.05 * 0.95 / _SEEDS) ** 0.5
"""Three standard errors of a share of a twentieth."""
_MOVED = 0.4
"""Share of the pairs whose score a change of the wording moves at all."""


def probed(seed: int, rows: int, bias: float) -> pl.DataFrame:
    """Returns the table of a probe of a noisy judge with a bias on one signal.

    Noise has long tails, as what wording does to a model.
    """
    chance, signals = np.random.default_rng(seed), load_signals()
    base = 1 + 2 * chance.beta(2, 2, rows)
    pairs: dict[Signal, list[tuple[str, str]]] = {}
    said: dict[str, Asked] = {}
    for signal in signals:
        shift = bias if signal.name == BIASED else 0.0
        noise = chance.laplace(0, 0.3, (2, rows)) * (chance.random((2, rows)) < _MOVED)
        both = np.clip(base + noise + [[0.0], [shift]], 0, 4)
        pairs[signal] = [
            (f"{signal.name} {at}", f"{signal.name} {at} changed") for at in range(rows)
        ]
        for keys, scores in zip(pairs[signal], both.T, strict=True):
            said |= {key: Asked(float(one), None) for key, one in zip(keys, scores, strict=True)}
    return table_of_probe(pairs, said, RUBRIC, candidates=rows, hidden=set())


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


def simulate_audits(
    _workshop: Workshop, rows: int, count: int, seed: int, *, skip: int = 0
) -> Iterator[Try]:
    """Yields what became of two promises: of the probe, and of the flip rate's interval."""
    for number, check in enumerate((_probe_holds, _flips_are_covered) * count, start=1):
        if number > skip:
            yield check(number, rows, range(seed, seed + _SEEDS))


def _probe_holds(number: int, rows: int, seeds: range) -> Try:
    none, biased = alarms(seeds, rows), alarms(seeds, rows, bias=-0.3)
    broken = [
        *([f"alarms without bias: {none['any_alarm']:.1%}"] if none["any_alarm"] > _MOST else []),
        *([f"found in {biased['found']:.1%}"] if biased["found"] < _LEAST else []),
    ]
    return Try("bias probe", number, broken=broken, note=str({"none": none, "biased": biased}))


def _flips_are_covered(number: int, rows: int, seeds: range) -> Try:
    found = {
        (batch, at_border): coverage(
            seeds, batch=batch, rows=rows, at_border=at_border, elsewhere=elsewhere
        )
        for batch in (80, 20_000)
        for at_border, elsewhere in ((0.05, 0.05), (0.3, 0.01), (0.05, 0.0))
    }
    broken = [f"{at}: {one}" for at, one in found.items() if min(one.values()) < _LEAST]
    return Try("verdict stability", number, broken=broken, note=str(found))
