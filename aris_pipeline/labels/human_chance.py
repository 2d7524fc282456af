"""Turns a score into the probability that a person would advance the candidate.

Below 1,000 labeled rows by Platt's sigmoid of the score (J. Platt, "Probabilistic outputs for
support vector machines", 1999), which has two parameters; from 1,000 on by isotonic regression
(B. Zadrozny and C. Elkan, KDD 2002), which takes any rising shape. Both keep the order of the
score, and both are fitted by scipy, to the labels weighted by their design.

A calibration is a file of its own, with a version and the digest of its labels; verdicts and scores
stay as they are.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
from pydantic import BaseModel, Field, ValidationError

from aris_pipeline.errors import ConfigError, DamagedDataError
from aris_pipeline.labels.measures import BINS, Floats, brier, calibration_error, equal_mass_bins
from aris_pipeline.storage import DataStore, Judge

ISOTONIC_FROM = 1_000
_FOLDS = 5


class Bin(BaseModel, frozen=True):
    """Held-out rows with a similar probability."""

    predicted: float = Field(description="their mean probability")
    advanced: float = Field(description="the share of them that people advance")
    labeled: int = Field(description="how many were labeled")


class Curve(BaseModel, frozen=True):
    """How well a probability fits labels that it was not fitted to."""

    brier: float
    calibration_error: float
    bins: tuple[Bin, ...]


class Calibration(BaseModel, frozen=True):
    """A calibration of one judge, as its file has it."""

    version: int
    rubric: str
    model: str
    made_at: datetime
    labeled: int = Field(description="labeled rows that it was fitted to")
    digest: str = Field(description="sha256 of these rows")
    method: Literal["platt", "isotonic"]
    slope: float = Field(default=0.0, description="of Platt's sigmoid")
    intercept: float = Field(default=0.0, description="of Platt's sigmoid")
    scores: tuple[float, ...] = Field(default=(), description="knots of the isotonic curve")
    chances: tuple[float, ...] = Field(default=(), description="its probabilities at the knots")
    before: Curve = Field(description="of the model's own probability")
    after: Curve = Field(description="of p_human_yes, held out in five folds")

    @classmethod
    def read(cls, path: Path) -> Self:
        """Reads a file.

        Raises:
            DamagedDataError: the file is not one.
        """
        try:
            return cls.model_validate_json(path.read_bytes())
        except (OSError, ValidationError) as error:
            reason = str(error).partition("\n")[0]
            raise DamagedDataError(
                f"{path} is no calibration ({reason}): delete it and run `aris calibrate`"
            ) from error

    def chance(self, score: Floats) -> Floats:
        """Returns `p_human_yes` of each score; NaN stays NaN."""
        if self.method == "isotonic":
            return np.asarray(np.interp(score, self.scores, self.chances), dtype=np.float64)
        return _sigmoid(self.slope * score + self.intercept)


def newest_calibration(store: DataStore, judge: Judge) -> Calibration | None:
    """Returns the calibration of a judge with the highest version; None if there is none."""
    files = sorted(store.calibrations(judge).glob("v*.json"))
    return Calibration.read(files[-1]) if files else None


@dataclass(frozen=True)
class LabeledRows:
    """The labeled rows that a calibration is fitted to.

    Attributes:
        score: of each row.
        p_yes: the model's own probability.
        yes: the share of the row's raters that advance it.
        weight: for how many rows of its batch it speaks.
        keys: the request_keys, by which rows are dealt out to folds.
    """

    score: Floats
    p_yes: Floats
    yes: Floats
    weight: Floats
    keys: Sequence[str]

    @property
    def digest(self) -> str:
        """Returns the sha256 of all of it."""
        numbers = np.stack([self.score, self.p_yes, self.yes, self.weight]).tobytes()
        return hashlib.sha256(numbers + "\n".join(self.keys).encode()).hexdigest()


def fit(judge: Judge, version: int, rows: LabeledRows) -> Calibration:
    """Fits a calibration to labels, and measures it on rows that it was not fitted to.

    Raises:
        ConfigError: scipy is not installed.
    """
    score, yes, weight = rows.score, rows.yes, rows.weight
    lots = [int(hashlib.sha256(key.encode()).hexdigest(), 16) % _FOLDS for key in rows.keys]
    fold, held_out = np.array(lots), np.full(len(score), np.nan)
    for number in np.unique(fold):
        rest = fold != number
        if rest.any():
            one = _fitted(score[rest], yes[rest], weight[rest])
            held_out[~rest] = _chance(one, score[~rest])
    return Calibration(
        version=version,
        rubric=judge.rubric,
        model=judge.model,
        made_at=datetime.now(UTC),
        labeled=len(score),
        digest=rows.digest,
        before=_curve(rows.p_yes, yes, weight),
        after=_curve(held_out, yes, weight),
        **_fitted(score, yes, weight),
    )


Fitted = dict[str, Any]


def _fitted(score: Floats, yes: Floats, weight: Floats) -> Fitted:
    if len(score) < ISOTONIC_FROM:
        slope, intercept = _platt(score, yes, weight)
        return {"method": "platt", "slope": slope, "intercept": intercept}
    knots, chances = _isotonic(score, yes, weight)
    return {"method": "isotonic", "scores": tuple(knots), "chances": tuple(chances)}


def _chance(fitted: Fitted, score: Floats) -> Floats:
    return Calibration.model_construct(**fitted).chance(score)


def _platt(score: Floats, yes: Floats, weight: Floats) -> tuple[float, float]:
    """Returns slope and intercept; targets are drawn in as Platt does, so that both stay finite."""
    optimize = _scipy_optimize()
    weight = weight / weight.mean()
    ups, downs = (weight * yes).sum(), (weight * (1 - yes)).sum()
    target = yes * (ups + 1) / (ups + 2) + (1 - yes) / (downs + 2)

    def loss(parameters: Floats) -> float:
        logit = parameters[0] * score + parameters[1]
        return float((weight * (np.logaddexp(0, logit) - target * logit)).sum())

    start = np.array([0.0, np.log((ups + 1) / (downs + 1))])
    # A falling sigmoid would turn the ranking around.
    found = optimize.minimize(loss, start, bounds=[(0, None), (None, None)], method="L-BFGS-B").x
    return float(found[0]), float(found[1])


def _isotonic(score: Floats, yes: Floats, weight: Floats) -> tuple[list[float], list[float]]:
    """Returns the knots of a rising curve, one a distinct score."""
    knots, own = np.unique(score, return_inverse=True)
    total = np.bincount(own, weight)
    share = np.bincount(own, weight * yes) / total
    found = _scipy_optimize().isotonic_regression(share, weights=total).x
    return knots.tolist(), found.tolist()


def _scipy_optimize() -> Any:
    try:
        from scipy import optimize  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise ConfigError("to calibrate: pip install 'aris_pipeline[labels]'") from error
    return optimize


def _curve(chance: Floats, yes: Floats, weight: Floats) -> Curve:
    known = np.isfinite(chance)
    chance, yes, weight = chance[known], yes[known], weight[known]
    bins = equal_mass_bins(chance, weight, BINS)
    ups, downs = weight * yes, weight * (1 - yes)
    parts = [bins == number for number in np.unique(bins)]
    return Curve(
        brier=float(brier(ups, downs, chance)),
        calibration_error=float(calibration_error(ups, downs, chance, bins)),
        bins=tuple(
            Bin(
                predicted=float(np.average(chance[own], weights=weight[own])),
                advanced=float(np.average(yes[own], weights=weight[own])),
                labeled=int(own.sum()),
            )
            for own in parts
        ),
    )


def _sigmoid(logit: Floats) -> Floats:
    return np.asarray(np.exp(-np.logaddexp(0, -logit)), dtype=np.float64)
