"""`aris calibrate`: the probability that a person would advance a candidate, from labels."""

from aris_pipeline.cli import console
from aris_pipeline.cli.console import command
from aris_pipeline.cli.options import AsJson, DataDir, JudgedBy
from aris_pipeline.errors import ConfigError
from aris_pipeline.labels import calibrate as fit_labels
from aris_pipeline.models import find_model
from aris_pipeline.storage import DataStore, Judge


def calibrate(
    data_dir: DataDir = "data",
    rubric: JudgedBy = None,
    model: JudgedBy = None,
    as_json: AsJson = False,
) -> None:
    """Fit `p_human_yes` to the labels of all batches of a judge; scores stay as they are."""
    with command(as_json) as emit:
        store = DataStore.at(data_dir)
        judge = _judge_with_labels(store, rubric, model)
        found, is_new = fit_labels(store, judge)
        emit({"is_new": is_new, **found.model_dump(mode="json")})
        state = "written" if is_new else "as before: the labels have not changed"
        console.say(
            f"version {found.version} by {found.method}, from {found.labeled:,} labeled rows: "
            f"{state}"
        )
        console.show_table(
            [
                {
                    "probability": name,
                    "Brier score": f"{curve.brier:.3f}",
                    "calibration error": f"{curve.calibration_error:.3f}",
                }
                for name, curve in (
                    ("the model's own", found.before),
                    ("p_human_yes, held out", found.after),
                )
            ]
        )
        console.say("`aris show BATCH --by p_human_yes` sorts by it")


def _judge_with_labels(store: DataStore, rubric: str | None, model: str | None) -> Judge:
    """Returns the judge that was asked for, or the newest one of a batch that has labels."""
    names = {model, find_model(model).name} if model else set()
    found = [
        judge
        for batch in store.batches(complain=console.complain)
        if any(store.labels(batch.name).glob("*.parquet"))
        for judge in store.judges("evaluations", batch.name)
        if rubric in (None, judge.rubric) and (model is None or judge.model in names)
    ]
    if not found:
        raise ConfigError(
            "no batch of such a judge has labels: `aris label sample BATCH --out FILE` draws whom "
            "to label"
        )
    return found[-1]
