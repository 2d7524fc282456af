"""`aris explain`: tells a candidate who asks why, in plain words."""

import textwrap
from pathlib import Path
from typing import Annotated

import typer

from aris_pipeline.cli import console
from aris_pipeline.cli.console import command
from aris_pipeline.cli.judges import judge_of
from aris_pipeline.cli.options import AsJson, BatchName, DataDir, JudgedBy
from aris_pipeline.cli.plain import one_line
from aris_pipeline.reports import Explanation, explanation_of, write_explanation
from aris_pipeline.storage import DataStore

_WIDTH = 80


def explain(
    batch: BatchName,
    custom_id: Annotated[str, typer.Argument(metavar="ID", help="Id of the candidate.")],
    out: Annotated[
        Path | None, typer.Option(help="Page F.html to write; by default the text is shown.")
    ] = None,
    recipients: Annotated[
        str,
        typer.Option(envvar="ARIS_RECIPIENTS", help="Who receives the data; to be said to all."),
    ] = "",
    kept: Annotated[
        str, typer.Option(envvar="ARIS_KEPT", help="How long the data are kept; as above.")
    ] = "",
    data_dir: DataDir = "data",
    rubric: JudgedBy = None,
    model: JudgedBy = None,
    as_json: AsJson = False,
) -> None:
    """Explain one verdict, or why there is none, to the candidate: data, ratings, score, people."""
    with command(as_json) as emit:
        store = DataStore.at(data_dir)
        landed = store.batch(batch)
        judge = judge_of(store, landed, rubric, model)
        found = explanation_of(store, landed, judge, custom_id, recipients=recipients, kept=kept)
        emit({**found.as_dict(), "file": str(out) if out else None})
        if out is None:
            _show(found)
            return
        write_explanation(found, out.absolute())
        console.say(f"wrote {out}: personal data of one person, for that person alone")


def _show(found: Explanation) -> None:
    """Shows an explanation in 80 columns; no text can pass for a heading of ours."""
    console.say(
        f"{one_line(found.custom_id)}, of batch {found.batch}, whose candidates were "
        f"judged by {found.judge.rubric} and {found.judge.model}"
    )
    for part in found.parts:
        console.say(f"\n{part.title}")
        for text in part.words:
            console.say(_wrapped(text, "  "))
        for line in part.quote.splitlines():
            console.say(_wrapped(line, "  | "))
        for name, text in part.facts:
            console.say(_wrapped(name, "  "))
            for line in text.splitlines():
                console.say(_wrapped(line, "    "))


def _wrapped(text: str, indent: str) -> str:
    return (
        textwrap.fill(one_line(text), _WIDTH, initial_indent=indent, subsequent_indent=indent)
        or indent.rstrip()
    )
