"""What the command line shows: JSON for programs, tables for people, errors with a remedy."""

import ctypes
import json
import os
import re
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

import typer
from rich.console import Console
from rich.table import Table

from aris_pipeline.audit import whole_log_head
from aris_pipeline.candidates import fields_of_batch
from aris_pipeline.cli.plain import plain
from aris_pipeline.cli.verdicts import ranking_layout, why_layout
from aris_pipeline.errors import ArisError, ConfigError, DamagedDataError
from aris_pipeline.evaluations import NOT_LOOKED_FOR, Agreement, not_looked_for, ranked_by
from aris_pipeline.labels import with_human_chance
from aris_pipeline.ledger import Forecast, Reconciliation, Why, refuse_openai
from aris_pipeline.quality import Thresholds
from aris_pipeline.storage import Batch, DataStore, Judge, read_parquet, url_of

_STOPPED = "stopped; what is finished is kept, and the same command goes on from there"
_INTERRUPTED = 130
_USAGE = 2

_WIDTH_IN_A_FILE = 150
_ANY = 10_000
_FEW_COLUMNS = 6
_RATES = ("req_s", "output_tok_s", "total_tok_s")

# What a candidate or a model wrote is text: no markup of rich's, nothing that drives a terminal.
_people = Console(stderr=True, highlight=False, markup=False, emoji=False)
_errors = Console(stderr=True, highlight=False, markup=False, emoji=False)


@contextmanager
def command(as_json: bool) -> Iterator[Callable[[dict[str, Any]], None]]:
    """Runs a command: typed errors become one line on stderr, Ctrl-C a resumable stop.

    Libraries that print, vLLM among them, are sent to stderr for the duration.

    Args:
        as_json: whether stdout carries the JSON object and nothing else; otherwise it carries what
            people read.

    Yields:
        A function that takes the JSON object; written when the command ends, however it ends.
    """
    payload: list[dict[str, Any]] = []
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.stdout.flush()
    real_stdout = os.dup(1)
    os.dup2(2, 1)
    _show_on(sys.stderr if as_json else os.fdopen(os.dup(real_stdout), "w", encoding="utf-8"))
    try:
        yield payload.append
    except ArisError as error:
        complain(str(error))
        payload.append({"error": str(error), "error_type": type(error).__name__})
        raise typer.Exit(_USAGE) from None
    except KeyboardInterrupt as stop:
        complain(str(stop) or _STOPPED)
        payload.append({"error": "stopped", "error_type": "KeyboardInterrupt"})
        raise typer.Exit(_INTERRUPTED) from None
    finally:
        _people.file.flush()
        sys.stdout.flush()
        # C libraries have buffers of their own; written later, they would land behind the JSON.
        ctypes.CDLL(None).fflush(None)
        os.dup2(real_stdout, 1)
        os.close(real_stdout)
        if as_json and payload:
            sys.stdout.write(json.dumps(payload[-1]) + "\n")
            sys.stdout.flush()


def _show_on(stream: IO[str]) -> None:
    _people.file = stream
    if not stream.isatty():
        _people.file = cast("IO[str]", _WithoutPadding(stream))
        _people.width = _WIDTH_IN_A_FILE
        # Rich has looked at stderr, once; a file would get the escapes of bold and color.
        _people._color_system = None


class _WithoutPadding:
    """A file that gets no blanks at the ends of lines, with which rich fills its columns."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self.flush = stream.flush

    def write(self, text: str) -> int:
        return self._stream.write(re.sub(" +$", "", text, flags=re.MULTILINE))


def say(text: str) -> None:
    """Tells people something."""
    _people.print(plain(text), soft_wrap=True)


def complain(text: str, word: str = "error") -> None:
    """Tells people what went wrong."""
    _errors.print(f"{word}: {plain(text)}", style="red", soft_wrap=True)


def total(rows: list[dict[str, Any]], *, wall_s: float) -> dict[str, Any]:
    """Adds the figures of several batches up; rates are over the seconds of all of them."""
    if len(rows) == 1:
        return rows[0]
    added = {
        name: sum(row[name] for row in rows)
        for name, value in rows[0].items()
        if isinstance(value, int | float) and name not in (*_RATES, "predicted_s")
    }
    predicted = [row["predicted_s"] for row in rows if row["generated"]]
    seconds = added["generate_s"]
    asked = added["evaluated"] + added["failed"]
    rates = {
        name: round(sum((row[name] or 0) * row["generate_s"] for row in rows) / seconds, 3)
        if seconds
        else None
        for name in _RATES
    }
    return {
        **added,
        **rates,
        "predicted_s": sum(predicted) if predicted and None not in predicted else None,
        "batch": [row["batch"] for row in rows],
        "valid_rate": round(added["evaluated"] / max(asked, 1), 4),
        "success_rate": round(
            added["evaluated"]
            / max(added["rows_in"] - added["quarantined"] - added["triaged"] - added["erased"], 1),
            4,
        ),
        "wall_s": round(wall_s, 2),
        "batches": rows,
    }


def shortfalls(result: dict[str, Any], min_success: float) -> list[str]:
    """Why a run that reached its evaluations is not a success."""
    ends = ("evaluated", "failed", "quarantined", "triaged", "erased")
    accounted = sum(result[end] for end in ends)
    found = []
    if accounted != result["rows_in"]:
        found.append(
            f"{result['rows_in']} rows went in and {accounted} are accounted for; see `aris verify`"
        )
    if result["success_rate"] < min_success:
        found.append(
            f"{result['success_rate']:.1%} of the usable rows have a valid answer; --min-success "
            f"asks for {min_success:.1%}"
            + (". The column invalid_reason of evaluations says why" if result["failed"] else "")
        )
    return found


def fields_in_json(store: DataStore, batch: Batch) -> dict[str, Any]:
    """Returns which fields of a batch are judged and which are not, for `aris run --json`."""
    fields = fields_of_batch(store, batch)
    if fields is None:
        return {"fields": None}
    return {"fields": {**fields.model_dump(), "unused_share": round(fields.unused_share, 4)}}


def page_in_json(store: DataStore, batch: Batch, judge: Judge) -> dict[str, Any]:
    """Returns where the page about a batch is, for `aris run --json`; null if there is none."""
    page = store.batch_report(judge, batch.name)
    return {"report": str(page) if page.exists() else None}


def log_in_json(
    store: DataStore, batch: Batch, judge: Judge, failures: list[str]
) -> dict[str, Any]:
    """Returns where the log ends, for JSON; null without one, or if it is damaged, a failure."""
    try:
        head = whole_log_head(store, judge, batch.name)
    except DamagedDataError as error:
        head = None
        if not any(str(error) in one for one in failures):
            failures.append(str(error))
    return {"log": {"rows": head.sequence, "head": head.hash} if head else None}


def show_fields(store: DataStore, batch: Batch) -> None:
    """Shows which fields of a batch are judged and which are not, with a remedy."""
    fields = fields_of_batch(store, batch)
    if fields is None:
        return
    say(f"fields:      {fields}")
    if fields.unused_share > Thresholds().max_unused_text:
        complain(
            f"{batch.name}: {fields.unused_share:.0%} of its text is in fields that are not "
            "judged; name them by --columns FILE (those to leave out under `ignore`)",
            word="warning",
        )
    if fields.without_name:
        complain(
            f"{batch.name}: {fields.without_name:,} of {fields.rows:,} candidates have no name in "
            "a field of its own: a name in their text is left, or only looked for where the "
            "rubric redacts names_in_text",
            word="warning",
        )


def show_run(store: DataStore, outcomes: list[Any], result: dict[str, Any]) -> None:
    """Shows a run's figures and where its outputs are."""
    table = Table(title="throughput", show_header=False)
    for name in (
        *("batch", "rows_in", "evaluated", "failed", "quarantined", "triaged", "erased"),
        "reused",
        *("valid_rate", "wall_s", "load_s", "score_s", "generate_s", "predicted_s"),
        *("req_s", "output_tok_s", "total_tok_s"),
    ):
        table.add_row(name, "-" if result[name] is None else str(result[name]))
    if result["scored"] and result["score_s"]:
        table.add_row("scored_req_s", str(round(result["scored"] / result["score_s"], 3)))
    if agreement := result.get("triage_agreement"):
        table.add_row("triage_agreement", str(Agreement(**agreement)))
    _people.print(table)
    rows = result.get("batches", [result])
    _show_refused(rows)
    for outcome, row in zip(outcomes, rows, strict=True):
        show_fields(store, outcome.batch)
        ranking = store.candidate_ranking(outcome.judge, outcome.batch.name)
        if ranking.exists():
            show_ranking(store, outcome.batch, outcome.judge, 10, reasons=False)
            say(f"ranking:     {ranking}")
        places = {
            **{
                name: store.judged(name, outcome.judge) / f"batch={outcome.batch.name}"
                for name in ("evaluations", "completions", "throughput")
            },
            "quarantine": store.root / "quarantine" / f"batch={outcome.batch.name}",
        }
        for name, place in places.items():
            if place.exists():
                say(f"{name + ':':<12} {place}")
        _show_log(row["log"], store.verdict_log(outcome.judge, outcome.batch.name))
        for warning in outcome.batch.warnings:
            say(f"warning: {outcome.batch.source_file}: {warning}")
        if outcome.card.embedded and places["evaluations"].exists():
            say(
                "\nNote: the embedded 135M model proves the plumbing, not judgement. Its verdicts "
                "and scores mean nothing; use a model such as gemma3:4b on a GPU for real ones."
            )


def show_pages(store: DataStore, outcomes: list[Any]) -> None:
    """Shows where the pages about the batches of a run are: the last thing that it says."""
    for outcome in outcomes:
        page = store.batch_report(outcome.judge, outcome.batch.name)
        if page.exists():
            say(f"\nThe page to open in a browser: {url_of(page)}")


def _show_log(log: dict[str, Any] | None, folder: Path) -> None:
    if log:
        say(f"{'log:':<12} {log['rows']:,} rows, head {log['head']}")
    elif any(folder.glob("*")):
        complain(f"the log in {folder} is damaged and has no end to keep: see below")


def _show_refused(batches: list[dict[str, Any]]) -> None:
    for batch in batches:
        if refused := batch["refused_parameters"]:
            counted = ", ".join(f"{name} {count:,}" for name, count in refused.items())
            say(f"{batch['batch']}: requests in quarantine by parameter: {counted}")


def show_ranking(
    store: DataStore,
    batch: Batch,
    judge: Judge,
    top: int,
    *,
    reasons: bool = True,
    by_people: bool = False,
) -> list[dict[str, Any]]:
    """Shows the best candidates of a batch and returns them.

    Args:
        store: the store of the tables.
        batch: the batch.
        judge: whose verdicts to show.
        top: how many candidates.
        reasons: whether the reasons of each criterion are shown too.
        by_people: whether to sort by the calibrated probability that a person advances them.

    Raises:
        ConfigError: the judge is not calibrated.
    """
    refuse_openai(batch, judge)
    hint = "the batch has no ranking: run it with a rubric"
    ranking = read_parquet(store.candidate_ranking(judge, batch.name), hint=hint)
    if by_people:
        sorted_by_people = with_human_chance(store, judge, ranking)
        if sorted_by_people is None:
            raise ConfigError(
                f"{judge.rubric} with {judge.model} is not calibrated: `aris calibrate` does that"
            )
        ranking = sorted_by_people
    if unknown := not_looked_for(ranking):
        complain(f"{batch.name}: {unknown:,} verdicts were {NOT_LOOKED_FOR}", word="warning")
    rubric = ranked_by(store, judge, batch)
    rows = [dict(row) for row in ranking.head(top).iter_rows(named=True)]
    _people.print(
        f"{batch.name}: top {len(rows):,} of {ranking.height:,} "
        f"by {judge.rubric} and {judge.model}\n",
        style="bold",
    )
    if ranking.is_empty():
        say(
            "nobody is ranked, because no row has a valid verdict; "
            f"`aris report {batch.name}` groups the reasons, with the remedies"
        )
    if rubric is not None:
        for one in ranking_layout(rows, rubric, _people.width, reasons=reasons):
            _people.print(one)
    return rows


def show_why(why: Why) -> None:
    """Shows what one verdict rests on."""
    for part in why_layout(why, _people.width):
        _people.print(part)


def show_reconciliations(found: list[Reconciliation]) -> None:
    """Shows where every row is, and what does not reconcile with the remedy."""
    show_table([{"ok": one.ok, **one.judgement(), **one.counts()} for one in found])
    for one in found:
        for fault in one.faults:
            complain(f"{fault}" + (f" [{one.rubric} with {one.model}]" if one.rubric else ""))


def show_forecasts(found: list[Forecast]) -> None:
    """Shows what a run over each batch would generate."""
    hidden = ("estimate", "unrenderable", "not_validated")
    show_table([{k: v for k, v in one.as_dict().items() if k not in hidden} for one in found])
    for one in found:
        say(f"{one.batch}: seconds: {one.estimate}")
        if one.not_validated:
            say(
                f"{one.batch}: {one.not_validated:,} landed rows are not validated yet and not "
                "counted; materialize raw_candidates, by `aris run FILE --until raw_candidates`"
            )
        if one.unrenderable:
            say(f"{one.batch}: no prompt can be made of {one.unrenderable:,} rows")


def show_status(store: DataStore, rows: list[dict[str, Any]]) -> None:
    """Shows all batches."""
    if not rows:
        say(f"nothing has been landed in {store.root}; try `aris run FILE`")
        return
    show_table(rows, title=str(store.root))


def show_table(rows: list[dict[str, Any]], title: str | None = None) -> None:
    """Shows rows under the names of the first one's values.

    Rows of many values that are too wide together stand one below the other.
    """
    table = Table(title=title)
    for name in rows[0] if rows else ():
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*(plain(value) for value in row.values()))
    any_width = _people.options.update(max_width=_ANY)
    is_narrow = _people.measure(table, options=any_width).maximum <= _people.width
    if is_narrow or len(table.columns) <= _FEW_COLUMNS:
        _people.print(table)
        return
    if title:
        say(title)
    for row in rows:
        _people.print(_record(row))


def _record(row: dict[str, Any]) -> Table:
    """Returns a row as lines of names and values; the first value says what it is about."""
    lines = Table(show_header=False)
    lines.add_column()
    lines.add_column(overflow="fold")
    for name, value in row.items():
        lines.add_row(name, plain(value))
    return lines


def show_row(found: dict[str, Any]) -> None:
    """Shows everything about one row, part by part."""
    for part, content in found.items():
        _people.rule(part)
        text = content if isinstance(content, str) else json.dumps(content, indent=2, default=str)
        say(text)
