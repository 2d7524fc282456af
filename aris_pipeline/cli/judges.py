"""Finds the judge whose verdicts a command shows."""

from aris_pipeline.errors import ConfigError
from aris_pipeline.ledger import reconcile
from aris_pipeline.models import find_model
from aris_pipeline.storage import Batch, DataStore, Judge


def judge_of(
    store: DataStore,
    batch: Batch,
    rubric: str | None,
    model: str | None,
    table: str = "evaluations",
) -> Judge:
    """Returns the judge that was asked for, or the one whose rows in a table are newest.

    Raises:
        ConfigError: nobody of that rubric and model has judged the batch.
    """
    judges = store.judges(table, batch.name)
    if not judges:
        raise ConfigError(f"batch {batch.name} has no verdicts{_why_none(store, batch)}")
    names = {model, find_model(model).name} if model else {None}
    fitting = [
        judge
        for judge in judges
        if rubric in (None, judge.rubric) and (model is None or judge.model in names)
    ]
    if not fitting:
        known = ", ".join(f"{judge.rubric} with {judge.model}" for judge in judges)
        raise ConfigError(
            f"batch {batch.name} was not judged so; it was judged by: {known}; "
            f"`aris run {batch.source_file} --rubric R --model M` adds a judge"
        )
    return fitting[-1]


def _why_none(store: DataStore, batch: Batch) -> str:
    if (rows := batch.rows_in) and reconcile(store, batch, None).quarantined == rows:
        return (
            f": nothing of {batch.source_file} could be used ({rows:,} rows in quarantine). "
            f"`aris show {batch.name} --line N` says why; correct the file, then run it"
        )
    return f" yet: run {batch.source_file} again, and `aris status` says how far it is"
