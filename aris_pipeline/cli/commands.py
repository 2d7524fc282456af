"""The command line `aris`: thin over the same Dagster definitions that the UI uses."""

import time
from collections.abc import Callable
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from tqdm import tqdm

from aris_pipeline import __version__
from aris_pipeline.benchmarks import decided_engine
from aris_pipeline.candidates import FORMATS, ColumnMap, known_encoding, write_synthetic
from aris_pipeline.chain import CHAIN
from aris_pipeline.cli import audit as cli_audit
from aris_pipeline.cli import benchmark as cli_benchmark
from aris_pipeline.cli import console
from aris_pipeline.cli import decide as cli_decide
from aris_pipeline.cli import label as cli_label
from aris_pipeline.cli import rubric as cli_rubric
from aris_pipeline.cli.calibrate import calibrate
from aris_pipeline.cli.console import command
from aris_pipeline.cli.dev import dev
from aris_pipeline.cli.explain import explain as explain_verdict
from aris_pipeline.cli.judges import judge_of
from aris_pipeline.cli.options import (
    WITHOUT_TRIAGE,
    AsJson,
    BatchName,
    DataDir,
    EngineOption,
    Engines,
    JudgedBy,
    ModelOption,
    Triage,
    takes_settings,
)
from aris_pipeline.cli.people import show_decisions, times_as_text
from aris_pipeline.cli.plan import plan
from aris_pipeline.cli.purge import purge, retain
from aris_pipeline.cli.shortlist import shortlist
from aris_pipeline.cli.views import views
from aris_pipeline.completions.live_line import LiveLine
from aris_pipeline.errors import ConfigError, DamagedDataError
from aris_pipeline.evaluations import NOT_LOOKED_FOR
from aris_pipeline.labels import decisions_on
from aris_pipeline.ledger import (
    ExportFormat,
    Reconciliation,
    explain,
    export_batch,
    forecast,
    judges_of,
    read_candidate,
    read_quarantined,
    reconcile,
    summarize,
)
from aris_pipeline.models import find_model
from aris_pipeline.reports import ROWS, write_page
from aris_pipeline.settings import judging_settings
from aris_pipeline.storage import Batch, DataStore, Judge, data_path

if TYPE_CHECKING:
    from aris_pipeline.defs.batch_run import RefusedFile, RunOutcome

app = typer.Typer(
    name="aris",
    help="Judge files of job candidates with a local LLM: scored, explained parquet out.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(cli_audit.app)
app.add_typer(cli_benchmark.app)
app.add_typer(cli_decide.app)
app.add_typer(cli_label.app)
app.add_typer(cli_rubric.app)

_DATA = "data"

Formats = StrEnum("Formats", list(FORMATS))  # type: ignore[misc] # they list themselves
_ARIS = Formats("aris")
_OFFLINE = Engines("offline")

Assets = StrEnum("Assets", list(CHAIN))  # type: ignore[misc] # the names stand in chain.py
Until = Annotated[Assets, typer.Option(help="Stop after this asset.")]
_LAST = Assets("batch_report")

Order = StrEnum("Order", ["rank", "p_human_yes"])
_RANK = Order("rank")


def _say_version(asked: bool) -> None:
    if asked:
        typer.echo(f"aris {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    *,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_say_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Takes what is asked without a command."""


@app.command()
@takes_settings()
def run(
    files: Annotated[list[Path], typer.Argument(help="Files of candidates, in any known format.")],
    *,
    judging: dict[str, Any],
    data_dir: DataDir = _DATA,
    shard_size: Annotated[int, typer.Option(min=1, help="Rows a shard.")] = 5_000,
    engine: EngineOption = _OFFLINE,
    model: ModelOption = None,
    triage: Triage = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Only the first N rows.")] = None,
    text_column: Annotated[
        str | None, typer.Option(help="Column or field of the free text.")
    ] = None,
    id_column: Annotated[str | None, typer.Option(help="Column or field of the id.")] = None,
    columns: Annotated[
        Path | None,
        typer.Option(help="YAML or JSON: fields of a profile by the columns of the file."),
    ] = None,
    file_format: Annotated[
        Formats | None, typer.Option("--format", help="Where detection errs.")
    ] = None,
    encoding: Annotated[
        str | None, typer.Option(help="Of a text file that is not UTF-8, such as gb18030.")
    ] = None,
    until: Until = _LAST,
    min_success: Annotated[
        float, typer.Option(min=0, max=1, help="Least share of usable rows with a valid answer.")
    ] = 0.95,
    as_json: AsJson = False,
) -> None:
    """Land files and materialize the chain; the same file again reuses everything."""
    with command(as_json) as emit:
        started = time.monotonic()
        engine, model = _decided(engine, model, data_dir)
        judging |= {"engine": str(engine), "model": model, "triage": triage}
        landing = {
            "shard_size": shard_size,
            "limit": limit,
            "text_column": text_column,
            "id_column": id_column,
            "columns": ColumnMap.read(columns).given() if columns else None,
            "format": str(file_format) if file_format else None,
            "encoding": known_encoding(encoding) if encoding else None,
        }
        outcomes, refused = _run_files(files, data_dir, landing, judging, until)
        store = DataStore.at(data_dir)
        rows = [
            summarize(store, outcome.batch, outcome.judge).as_dict(outcome.wall_s)
            | {"warnings": outcome.batch.warnings}
            | console.fields_in_json(store, outcome.batch)
            | console.log_in_json(store, outcome.batch, outcome.judge, outcome.failures)
            | console.page_in_json(store, outcome.batch, outcome.judge)
            for outcome in outcomes
        ]
        result = console.total(rows, wall_s=time.monotonic() - started)
        failures = [reason for outcome in outcomes for reason in outcome.failures]
        emit({**result, "failures": failures, "refused": [one.as_dict() for one in refused]})
        console.show_run(store, outcomes, result)
        console.show_pages(store, outcomes)
        if list(CHAIN).index(until) >= list(CHAIN).index("evaluations"):
            failures += console.shortfalls(result, min_success)
        failures += [one.error for one in refused]
        for failure in failures:
            console.complain(failure)
        raise typer.Exit(1 if failures else 0)


def _run_files(
    files: list[Path],
    data_dir: str,
    landing: dict[str, Any],
    judging: dict[str, Any],
    until: str,
) -> "tuple[list[RunOutcome], list[RefusedFile]]":
    from aris_pipeline.defs.batch_run import BatchRunner  # noqa: PLC0415 - Dagster loads in a second

    runner = BatchRunner.on(data_dir, judging, console.say, LiveLine(draws=True))
    return runner.run_all(files, landing, str(until))


app.command()(plan)
app.command()(calibrate)
app.command()(purge)
app.command()(retain)
app.command("explain")(explain_verdict)
app.command()(shortlist)
app.command()(views)


@app.command()
def generate(
    out: Annotated[Path, typer.Option(help="File to write.")],
    count: Annotated[int, typer.Option(min=1, help="Candidates.")] = 40,
    seed: Annotated[int, typer.Option(help="Equal seeds give equal files.")] = 7,
    file_format: Annotated[Formats, typer.Option("--format")] = _ARIS,
    data_dir: DataDir = _DATA,  # noqa: ARG001 - every command takes it
    as_json: AsJson = False,
) -> None:
    """Write synthetic candidates: varied careers, gaps, languages and missing fields."""
    with command(as_json) as emit:
        write_synthetic(count, seed, str(file_format), out)
        emit({"file": str(out), "count": count, "seed": seed, "format": str(file_format)})
        console.say(f"wrote {count:,} candidates to {out}")


@app.command()
def verify(
    data_dir: DataDir = _DATA,
    batch: Annotated[str | None, typer.Option(help="Only this batch.")] = None,
    as_json: AsJson = False,
) -> None:
    """Check that every row that went in came out exactly once; exit 1 otherwise."""
    with command(as_json) as emit:
        store = DataStore.at(data_dir)
        unknown: list[str] = []
        found = [
            reconcile(store, one, judge)
            for one in _batches(store, batch, unknown.append)
            for judge in judges_of(store, one)
        ]
        total = Reconciliation.total(found)
        ok = total["ok"] and not unknown
        batches = [one.as_dict() for one in found]
        emit({**total, "ok": ok, "damaged_manifests": unknown, "batches": batches})
        console.show_reconciliations(found)
        for complaint in unknown:
            console.complain(complaint)
        raise typer.Exit(0 if ok else 1)


@app.command()
@takes_settings(*WITHOUT_TRIAGE)
def stale(
    *,
    judging: dict[str, Any],
    data_dir: DataDir = _DATA,
    batch: Annotated[str | None, typer.Option(help="Only this batch.")] = None,
    engine: EngineOption = _OFFLINE,
    model: ModelOption = None,
    as_json: AsJson = False,
) -> None:
    """Say what a run would generate and how long that would take, without doing it."""
    with command(as_json) as emit:
        engine, model = _decided(engine, model, data_dir)
        judging |= {"engine": str(engine), "model": model}
        settings = judging_settings(judging)
        store = DataStore.at(data_dir)
        batches = _batches(store, batch, console.complain)
        shards = sum(len(one.shard_rows) for one in batches)
        found = []
        with tqdm(total=shards, desc="rendering", unit="shards", leave=False, disable=None) as bar:
            for one in batches:
                assignment = settings.assign(one, store)
                prompts_of = partial(assignment.prompts, store)
                found.append(
                    forecast(store, one, assignment.judge, prompts_of, lambda _: bar.update())
                )
        emit({"batches": [one.as_dict() for one in found]})
        console.show_forecasts(found)


@app.command()
def export(
    batch: BatchName,
    form: Annotated[ExportFormat, typer.Option("--format")] = ExportFormat.CSV,
    out: Annotated[
        str | None, typer.Option(help="Directory or s3:// URL; data/exports by default.")
    ] = None,
    data_dir: DataDir = _DATA,
    rubric: JudgedBy = None,
    model: JudgedBy = None,
    as_json: AsJson = False,
) -> None:
    """Write a batch's verdicts for other programs."""
    with command(as_json) as emit:
        store = DataStore.at(data_dir)
        landed = store.batch(batch)
        judge = judge_of(store, landed, rubric, model)
        directory = data_path(out) if out else store.root / "exports"
        files = export_batch(store, landed, judge, form, directory, complain=_warn)
        emit({"batch": batch, "files": [str(file) for file in files]})
        console.say("\n".join(f"wrote {file}" for file in files))


@app.command()
def report(
    batch: BatchName,
    rows: Annotated[int, typer.Option(min=0, help="Most candidates in the table of all.")] = ROWS,
    names: Annotated[
        bool, typer.Option("--names", help="Name the candidates; ids only by default.")
    ] = False,
    out: Annotated[
        str | None,
        typer.Option(help="File or s3:// URL; in the data directory's reports/ by default."),
    ] = None,
    data_dir: DataDir = _DATA,
    rubric: JudgedBy = None,
    model: JudgedBy = None,
    as_json: AsJson = False,
) -> None:
    """Write the page about a batch: one HTML file to open in a browser or to mail."""
    with command(as_json) as emit:
        store = DataStore.at(data_dir)
        landed = store.batch(batch)
        judge = judge_of(store, landed, rubric, model)
        place = data_path(out) if out else None
        page = write_page(store, judge, landed, rows=rows, names=names, out=place)
        emit({"batch": batch, **page.as_dict()})
        if names and not page.named:
            _warn(f"no candidate of {batch} has a name in a field of its own: the page has none")
        if page.not_looked_for:
            _warn(f"{batch}: {page.not_looked_for:,} verdicts were {NOT_LOOKED_FOR}")
        console.say(
            f"{page.listed:,} of {page.rows:,} rows, {page.to_review:,} to review, "
            f"{page.size / 1e6:.1f} MB"
        )
        console.say(f"wrote {page.path}")


@app.command()
def status(data_dir: DataDir = _DATA, as_json: AsJson = False) -> None:
    """List the batches and how far each is.

    Open rows have no verdict yet; those that are kept are answered, and are not asked again.
    """
    with command(as_json) as emit:
        store = DataStore.at(data_dir)
        rows: list[dict[str, Any]] = []
        damaged: list[str] = []
        for batch in store.batches(complain=damaged.append):
            for judge in store.judges("prompts", batch.name) or [Judge("none", "none")]:
                try:
                    rows.append(summarize(store, batch, judge).status())
                except DamagedDataError as error:
                    damaged.append(f"{batch.name}: {error}")
        emit({"data_dir": str(store.root), "batches": rows, "damaged": damaged})
        if rows or not damaged:
            console.show_status(store, rows)
        for complaint in damaged:
            console.complain(complaint)
        raise typer.Exit(2 if damaged else 0)


@app.command()
def show(
    batch: BatchName,
    top: Annotated[int, typer.Option(min=1, help="Ranked candidates to list.")] = 20,
    why: Annotated[
        str | None, typer.Option(metavar="ID", help="Show on what one verdict rests, in words.")
    ] = None,
    candidate: Annotated[
        str | None, typer.Option(help="Show one: profile, prompt, raw answer, verdict, ledger.")
    ] = None,
    line: Annotated[
        int | None, typer.Option(help="Show the quarantined row of this line of the file.")
    ] = None,
    by: Annotated[Order, typer.Option(help="Sort by the ranking, or by `aris calibrate`.")] = _RANK,
    data_dir: DataDir = _DATA,
    rubric: JudgedBy = None,
    model: JudgedBy = None,
    as_json: AsJson = False,
) -> None:
    """Show a batch's ranking with reasons, why one candidate got a verdict, or all of one row."""
    with command(as_json) as emit:
        store = DataStore.at(data_dir)
        landed = store.batch(batch)
        if line is not None:
            found = read_quarantined(store, landed, line)
            emit(found)
            console.show_row(found)
            return
        if candidate is not None:
            judge = judge_of(store, landed, rubric, model, table="prompts")
            found = read_candidate(store, landed, judge, candidate)
            found["decisions"] = times_as_text(decisions_on(store, landed, candidate))
            emit(found)
            console.show_row(found)
            return
        judge = judge_of(store, landed, rubric, model)
        if why is not None:
            reasons = explain(store, landed, judge, why)
            decided = decisions_on(store, landed, why)
            emit({**reasons.as_dict(), "decisions": times_as_text(decided)})
            console.show_why(reasons)
            show_decisions(decided)
        else:
            rows = console.show_ranking(store, landed, judge, top, by_people=by is not _RANK)
            emit({"batch": batch, "candidates": rows})


app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(dev)


def _decided(engine: Engines, model: str | None, data_dir: str) -> tuple[Engines, str | None]:
    """Returns engine and model, as the benchmarks have decided where the engine is `auto`."""
    if engine != "auto":
        return engine, model
    store = DataStore.at(data_dir)
    decided = decided_engine(store, find_model(model).name if model else None)
    console.say(f"engine {decided.engine} with {decided.model}: {decided.reason}")
    return Engines(decided.engine), decided.model


def _batches(store: DataStore, name: str | None, complain: Callable[[str], object]) -> list[Batch]:
    """The batch that was asked for, or all whose manifest can be read."""
    if not store.batch_files():
        raise ConfigError(f"no batch has been landed in {store.root}")
    return [store.batch(name)] if name else store.batches(complain=complain)


def _warn(text: str) -> None:
    console.complain(text, word="warning")
