"""`aris decide`: keep what people decided about candidates."""

from pathlib import Path
from typing import Annotated

import typer

from aris_pipeline.cli.console import command
from aris_pipeline.cli.judges import judge_of
from aris_pipeline.cli.options import AsJson, DataDir, JudgedBy
from aris_pipeline.cli.people import show_import
from aris_pipeline.labels import import_decisions, read_population
from aris_pipeline.storage import DataStore

app = typer.Typer(
    name="decide", help="Keep what people decided about candidates.", no_args_is_help=True
)


@app.callback()
def _group() -> None:
    """Makes `import` a command of a group, though it is the only one."""


@app.command("import")
def import_(
    file: Annotated[
        Path, typer.Argument(help="CSV with custom_id, decision (advance, reject, hold), reason.")
    ],
    batch: Annotated[str, typer.Option(help="Name of the batch of these candidates.")],
    by: Annotated[str, typer.Option(help="Who has decided.")],
    data_dir: DataDir = "data",
    rubric: JudgedBy = None,
    model: JudgedBy = None,
    as_json: AsJson = False,
) -> None:
    """Keep decisions beside the verdicts; a bad row is named, and the others are kept."""
    with command(as_json) as emit:
        store = DataStore.at(data_dir)
        landed = store.batch(batch)
        population = read_population(store, judge_of(store, landed, rubric, model), landed)
        found = import_decisions(store, population, file, by)
        emit(found.as_dict())
        show_import(found, "decisions")
        raise typer.Exit(1 if found.refused else 0)
