"""`aris label`: ask people about a sample of a batch, and measure the judge against them."""

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from aris_pipeline.cli import console
from aris_pipeline.cli.console import command
from aris_pipeline.cli.judges import judge_of
from aris_pipeline.cli.options import AsJson, BatchName, DataDir, JudgedBy
from aris_pipeline.cli.people import show_import
from aris_pipeline.errors import ConfigError, MissingDataError
from aris_pipeline.labels import (
    Design,
    compare_judges,
    confusion_of,
    draw_sample,
    figures_in_words,
    import_labels,
    labeled_chats,
    measure_batch,
    read_metrics,
    read_population,
    sheet_places,
    sheet_rows,
    write_sheet,
)
from aris_pipeline.reports import write_label_page
from aris_pipeline.storage import Batch, DataStore, Judge, write_bytes

app = typer.Typer(
    name="label",
    help="Ask people about a sample of a batch, and measure the judge against them.",
    no_args_is_help=True,
)

Form = StrEnum("Form", ["openai"])
_OPENAI = Form("openai")
_PAIR = 2


@app.command()
def sample(
    batch: BatchName,
    out: Annotated[Path, typer.Option(help="F.csv, or a page F.html; raters get F-1, F-2.")],
    top: Annotated[int, typer.Option(min=0, help="Rows from the head of the ranking.")] = 50,
    borderline: Annotated[int, typer.Option(min=0, help="Rows nearest to the cut.")] = 50,
    random: Annotated[int, typer.Option(min=0, help="Rows of all others, at random.")] = 50,
    raters: Annotated[
        int, typer.Option(min=1, max=20, help="People who share the rows; two get a fifth of them.")
    ] = 1,
    seed: Annotated[int, typer.Option(help="Equal seeds draw equal rows.")] = 7,
    data_dir: DataDir = "data",
    rubric: JudgedBy = None,
    model: JudgedBy = None,
    as_json: AsJson = False,
) -> None:
    """Draw candidates for people to label: in random order, without the model's verdicts."""
    with command(as_json) as emit:
        places = sheet_places(out.absolute(), raters)
        if taken := [str(place) for place in places if place.exists()]:
            raise ConfigError(f"{', '.join(taken)} exists already, perhaps filled in: choose --out")
        store = DataStore.at(data_dir)
        landed = store.batch(batch)
        population = read_population(store, judge_of(store, landed, rubric, model), landed)
        drawn = draw_sample(store, population, Design(top, borderline, random, raters, seed))
        for sheet, place in enumerate(places, start=1):
            rows = sheet_rows(store, population, drawn, sheet)
            if place.suffix.lower() in (".html", ".htm"):
                write_label_page(population, rows, place)
            else:
                write_sheet(rows, place)
        strata = dict(drawn["stratum"].value_counts().sort("stratum").iter_rows())
        emit(
            {
                "batch": batch,
                "sample": drawn["sample_id"][0],
                "rows": drawn.height,
                "strata": strata,
                "of": population.rows.height,
                "files": [str(place) for place in places],
            }
        )
        console.say(f"{drawn.height:,} of {population.rows.height:,} candidates")
        for name, options in population.scales.items():
            console.say(f"{name}: {', '.join(options)}")
        console.say("\n".join(f"wrote {place}" for place in places))
        console.say("then: aris label import FILE --by NAME")


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="A sheet that somebody has filled in.")],
    by: Annotated[str, typer.Option(help="Who has labeled.")],
    data_dir: DataDir = "data",
    as_json: AsJson = False,
) -> None:
    """Keep the labels of a sheet; a bad row is named, and the others are kept."""
    with command(as_json) as emit:
        found = import_labels(DataStore.at(data_dir), file, by)
        emit(found.as_dict())
        show_import(found, "labels")
        raise typer.Exit(1 if found.refused else 0)


@app.command()
def metrics(
    batch: BatchName,
    data_dir: DataDir = "data",
    rubric: JudgedBy = None,
    model: JudgedBy = None,
    as_json: AsJson = False,
) -> None:
    """Measure the judge of a batch against its labels, each figure with its 95 % interval."""
    with command(as_json) as emit:
        store = DataStore.at(data_dir)
        landed = store.batch(batch)
        judge = judge_of(store, landed, rubric, model)
        counts = measure_batch(store, judge, landed)
        if counts is None:
            raise MissingDataError(
                f"batch {batch} has no labels: `aris label sample {batch} --out FILE` draws whom "
                "to label"
            )
        rows = read_metrics(store, judge, landed)
        emit({"batch": batch, **vars(judge), "labeled": counts.labeled, "metrics": rows})
        console.say(f"{batch}: {counts.labeled:,} candidates are labeled")
        console.show_table(figures_in_words(rows))
        options = read_population(store, judge, landed).rubric.recommendations
        cells = [
            {
                "people": said,
                **{one: f"{count:.0f}" for one, count in zip(options, row, strict=True)},
            }
            for said, row in confusion_of(rows, options)
        ]
        console.show_table(cells, "estimated rows by people's option, and by the judge's")
        console.say(f"`aris report {batch}` writes them into the page")


@app.command()
def compare(
    batch: BatchName,
    rubric: Annotated[
        list[str] | None, typer.Option(help="Two rubrics, or one for both models.")
    ] = None,
    model: Annotated[
        list[str] | None, typer.Option(help="Two models, or one for both rubrics.")
    ] = None,
    data_dir: DataDir = "data",
    as_json: AsJson = False,
) -> None:
    """Compare two rubrics or models on the same labeled candidates, by a paired bootstrap."""
    with command(as_json) as emit:
        store = DataStore.at(data_dir)
        landed = store.batch(batch)
        judges = _two_judges(store, landed, rubric or [], model or [])
        first, second = (read_population(store, judge, landed) for judge in judges)
        rows, found = compare_judges(store, first, second)
        emit(
            {
                "batch": batch,
                "judges": [vars(judge) for judge in judges],
                "labeled": rows,
                "differences": [one.as_dict() for one in found],
            }
        )
        names = [f"{judge.rubric}, {judge.model}" for judge in judges]
        console.say(f"{batch}: {rows:,} labeled candidates; first: {names[0]}; second: {names[1]}")
        console.show_table(
            [
                {
                    "figure": one.figure,
                    "first": f"{one.first:.3f}",
                    "second": f"{one.second:.3f}",
                    "change": f"{one.change.value:+.3f}",
                    "95 % interval": f"{one.change.low:+.3f} to {one.change.high:+.3f}",
                    "clear": "yes" if one.is_clear else "no",
                }
                for one in found
            ]
        )


def _two_judges(
    store: DataStore, batch: Batch, rubrics: Sequence[str], models: Sequence[str]
) -> list[Judge]:
    """Returns the judges that two rubrics, two models or both name.

    Raises:
        ConfigError: they do not name two.
    """
    if _PAIR not in (len(rubrics), len(models)) or max(len(rubrics), len(models)) > _PAIR:
        raise ConfigError("name two judges: --rubric A --rubric B, or --model A --model B")
    pairs = zip(_both(rubrics), _both(models), strict=True)
    return [judge_of(store, batch, rubric, model) for rubric, model in pairs]


def _both(given: Sequence[str]) -> list[str | None]:
    """Returns one value for each judge: what both share may be given once, or not at all."""
    if len(given) == _PAIR:
        return [*given]
    return [given[0] if given else None] * _PAIR


@app.command()
def export(
    batch: BatchName,
    out: Annotated[Path, typer.Option(help="JSON Lines file to write.")],
    form: Annotated[Form, typer.Option("--format")] = _OPENAI,
    data_dir: DataDir = "data",
    rubric: JudgedBy = None,
    model: JudgedBy = None,
    as_json: AsJson = False,
) -> None:
    """Write labeled candidates as chats, for few-shot prompts and fine-tuning."""
    with command(as_json) as emit:
        store = DataStore.at(data_dir)
        landed = store.batch(batch)
        population = read_population(store, judge_of(store, landed, rubric, model), landed)
        lines = list(labeled_chats(store, population))
        if not lines:
            raise MissingDataError(f"batch {batch} has no labels: see `aris label sample`")
        write_bytes("".join(f"{line}\n" for line in lines).encode(), out.absolute())
        emit({"batch": batch, "format": str(form), "rows": len(lines), "file": str(out)})
        console.say(f"wrote {len(lines):,} chats to {out}")
