"""Says figures in words: for the terminal, the page and the UI."""

from collections.abc import Mapping, Sequence
from typing import Any

from aris_pipeline.labels.population import RECOMMENDATION
from aris_pipeline.storage import Batch, DataStore, Judge, LabelMetrics, read_table

_NAMES = {
    "precision_at_k": "Precision of the first {k:,}",
    "recall_at_k": "Recall of the first {k:,}",
    "auc": "AUC of the score",
    "brier": "Brier score",
    "calibration_error": "Calibration error",
    "kappa_model": "Agreement of judge and people, {criterion}",
    "kappa_people": "Agreement of two people, {criterion}",
}
_MEANINGS = {
    "precision_at_k": "the share of them that people advance",
    "recall_at_k": "the share of all whom people advance that is among them",
    "auc": "how often one whom people advance has the higher score than one whom they do not",
    "brier": "mean squared distance of the model's probability from the label; 0 is best",
    "calibration_error": "mean distance of probability and share of yes, in bins of equal mass",
    "kappa_model": "quadratic-weighted kappa: 1 is full agreement, 0 what chance gives",
    "kappa_people": "the same for two people: a judge can hardly do better",
}


def read_metrics(store: DataStore, judge: Judge, batch: Batch) -> list[dict[str, Any]]:
    """Returns the rows of `label_metrics`; none if the batch has no metrics."""
    path = store.label_metrics(judge, batch.name)
    if not path.exists():
        return []
    return read_table(path, LabelMetrics, hint="materialize label_metrics").to_dicts()


def figures_in_words(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Returns name, value, interval, labeled rows and meaning of the figures, for people.

    Args:
        rows: of `label_metrics`; bins of the reliability and cells of the confusion are left out.
    """
    return [
        {
            "figure": _NAMES[row["metric"]].format(**row),
            "value": "-" if row["value"] is None else f"{row['value']:.2f}",
            "95 % interval": interval_in_words(row),
            "labeled": row["labeled"],
            "meaning": _MEANINGS[row["metric"]],
        }
        for row in rows
        if row["metric"] in _NAMES
    ]


def interval_in_words(row: Mapping[str, Any]) -> str:
    """Returns the interval of a figure, or that there are too few labels to tell."""
    if row["low"] is None:
        return "too few labels to tell"
    words = f"{row['low']:.2f} to {row['high']:.2f}"
    return words if row["enough"] else f"{words}: too few labels to tell"


def reliability_of(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Returns the bins of the reliability of the model's probability."""
    return [row for row in rows if row["metric"] == "reliability"]


def confusion_of(
    rows: Sequence[Mapping[str, Any]], options: Sequence[str]
) -> list[tuple[str, list[float]]]:
    """Returns people's option and, by the judge's option, rows of the batch; of recommendations.

    Args:
        rows: of `label_metrics`.
        options: of the scale, best to worst.
    """
    found = {
        (row["people"], row["judge"]): row["value"]
        for row in rows
        if row["metric"] == "confusion" and row["criterion"] == RECOMMENDATION
    }
    return [(one, [found.get((one, other), 0.0) for other in options]) for one in options]
