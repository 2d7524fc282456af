"""`aris views`: the tables of a data directory as views of DuckDB."""

import shlex
from typing import Annotated

import typer

from aris_pipeline.cli import console
from aris_pipeline.cli.console import command
from aris_pipeline.cli.options import AsJson, DataDir
from aris_pipeline.errors import ConfigError
from aris_pipeline.ledger import VIEWS, views_sql
from aris_pipeline.storage import DataStore, data_path, write_bytes


def views(
    out: Annotated[
        str | None, typer.Option(help="File to write; views.sql in the data directory by default.")
    ] = None,
    data_dir: DataDir = "data",
    as_json: AsJson = False,
) -> None:
    """Write views for DuckDB: ranking, review_queue, failed, throughput and quarantine."""
    with command(as_json) as emit:
        store = DataStore.at(data_dir)
        if not store.batch_files():
            raise ConfigError(f"no batch has been landed in {store.root}: try `aris run FILE`")
        file = data_path(out) if out else store.root / "views.sql"
        text, empty = views_sql(store)
        write_bytes(text.encode(), file)
        emit({"file": str(file), "views": list(VIEWS), "tables_without_files": empty})
        console.say(f"wrote {file} with the views {', '.join(VIEWS)}")
        console.say(f"open them: duckdb -init {shlex.quote(str(file))}")
        if empty:
            console.complain(
                f"there are no files of {', '.join(empty)} yet, so that views of them are empty: "
                "run `aris views` again when a batch has been judged",
                word="warning",
            )
