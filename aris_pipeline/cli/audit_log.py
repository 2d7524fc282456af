"""`aris audit log`: shows the log of verdicts, and checks that nobody has changed it."""

from typing import Annotated, Any

import typer
from tqdm import tqdm

from aris_pipeline.audit import (
    ERASURE,
    VerifiedLog,
    is_as_logged,
    log_entries,
    log_head,
    verify_log,
)
from aris_pipeline.cli import console
from aris_pipeline.cli.console import command
from aris_pipeline.cli.judges import judge_of
from aris_pipeline.cli.options import AsJson, DataDir, JudgedBy
from aris_pipeline.cli.people import times_as_text
from aris_pipeline.cli.plain import one_line
from aris_pipeline.errors import ConfigError, MissingDataError
from aris_pipeline.storage import Batch, DataStore, Judge


def log(
    batch: Annotated[str | None, typer.Argument(help="Name of a batch; all by default.")] = None,
    custom_id: Annotated[
        str | None, typer.Option("--id", metavar="ID", help="Show all of one candidate's entries.")
    ] = None,
    last: Annotated[int, typer.Option(min=1, help="Newest entries to list.")] = 20,
    verify: Annotated[
        bool, typer.Option("--verify", help="Check that no row was changed or removed.")
    ] = False,
    head: Annotated[
        list[str] | None,
        typer.Option(metavar="HASH", help="With --verify: a head that you kept; may be repeated."),
    ] = None,
    data_dir: DataDir = "data",
    rubric: JudgedBy = None,
    model: JudgedBy = None,
    as_json: AsJson = False,
) -> None:
    """List which verdict there was when, by which version, or check the log; exit 1 if at fault."""
    with command(as_json) as emit:
        store = DataStore.at(data_dir)
        batches = [store.batch(batch)] if batch else store.batches(complain=console.complain)
        logs = [(one, judge) for one in batches for judge in _judges(store, one, rubric, model)]
        if not logs:
            raise MissingDataError(
                f"{store.root} has no verdicts of {batch or 'any batch'}: run a file first"
            )
        if verify and custom_id is not None:
            raise ConfigError("--verify checks whole logs: leave out --id")
        if verify:
            found = _verified(store, logs, head or [])
            emit(found)
            raise typer.Exit(0 if found["ok"] else 1)
        if head or (custom_id is not None and not batch):
            raise ConfigError("--head goes with --verify, and --id with the name of a batch")
        if batch is None:
            rows = [_end(store, *one) for one in logs]
            emit({"logs": rows})
            for row in rows:
                console.say(_end_in_words(row))
            return
        judge = judge_of(store, batches[0], rubric, model)
        entries = _entries(store, judge, batch, custom_id)
        shown = entries if custom_id is not None else entries[-last:]
        end = _end(store, batches[0], judge)
        emit({**end, "entries": times_as_text(shown)})
        console.show_table([_line(one) for one in shown])
        changed = [one["sequence"] for one in shown if not is_as_logged(one)]
        if changed:
            console.complain(
                f"the hashes of row {changed[0]:,} do not fit: somebody has changed it: `aris "
                f"audit log {batch} --verify` says what to do"
            )
        if custom_id is not None:
            for one in times_as_text(shown):
                console.show_row({f"row {one['sequence']:,}": _version(one)})
        console.say(_end_in_words(end))
        raise typer.Exit(1 if changed or end["head"] is None else 0)


def _judges(store: DataStore, batch: Batch, rubric: str | None, model: str | None) -> list[Judge]:
    if rubric or model:
        return [judge_of(store, batch, rubric, model)]
    found = [*store.judges("evaluations", batch.name), *store.judges("verdict_log", batch.name)]
    return list(dict.fromkeys(found))


def _end(store: DataStore, batch: Batch, judge: Judge) -> dict[str, Any]:
    end = log_head(store, judge, batch.name)
    if end is None and any(store.verdict_log(judge, batch.name).glob("*.parquet")):
        folder = store.verdict_log(judge, batch.name)
        console.complain(f"{folder / 'head.json'} is missing: `--verify` says more")
    found = {"rows": end.sequence, "head": end.hash} if end else {"rows": 0, "head": None}
    return {"batch": batch.name, **vars(judge), **found}


def _end_in_words(end: dict[str, Any]) -> str:
    place = f"{end['batch']}, judged by {end['rubric']} and {end['model']}"
    return f"{place}: {end['rows']:,} rows, head {end['head'] or 'none'}"


def _entries(
    store: DataStore, judge: Judge, batch: str, custom_id: str | None
) -> list[dict[str, Any]]:
    entries = [*log_entries(store, judge, batch, custom_id=custom_id)]
    if not entries:
        of_whom = f" of candidate '{custom_id}'" if custom_id is not None else ""
        raise MissingDataError(
            f"the log of {batch} by {judge.rubric} and {judge.model} has no row{of_whom}: `aris "
            "audit log` lists the logs; materialize verdict_log if there is none"
        )
    return entries


def _line(entry: dict[str, Any]) -> dict[str, Any]:
    """Returns what of an entry fits into 80 columns."""
    emptied = entry["salt"] is None
    return {
        "row": f"{entry['sequence']:,}",
        "logged (UTC)": f"{entry['logged_at']:%Y-%m-%d %H:%M}",
        "candidate": one_line(entry["custom_id"]),
        "status": "erased" if emptied else entry["status"] or "",
        "verdict": entry["recommendation"]
        or (f"{entry['erased_rows']:,} rows" if entry["kind"] == ERASURE else ""),
        "score": "" if entry["score"] is None else f"{entry['score']:.2f}",
    }


def _version(entry: dict[str, Any]) -> str:
    return "\n".join(
        f"{name}: {one_line(value)}" for name, value in entry.items() if value is not None
    )


def _verified(
    store: DataStore, logs: list[tuple[Batch, Judge]], anchors: list[str]
) -> dict[str, Any]:
    """Checks logs, shows what was found, and returns it for JSON."""
    rows, known = [], set[str]()
    for batch, judge in tqdm(logs, "verifying", unit="logs", leave=False, disable=None):
        found = verify_log(store, judge, batch, anchors)
        known |= found.anchors
        rows.append({"batch": batch.name, **vars(judge), **_as_dict(found)})
    lost = [one for one in anchors if one not in known]
    for one in rows:
        erased = f", {one['erased']:,} of them erased" if one["erased"] else ""
        state = "ok" if one["ok"] else "FAULT, good so far"
        console.say(f"{state}: {_end_in_words(one)}{erased}")
        if one["fault"]:
            console.complain(one["fault"]["text"])
    for anchor in lost:
        console.complain(
            f"no row has the head {anchor}: rows were removed or written anew since it was kept, "
            "or it is of another log: restore the log from a backup"
        )
    return {"ok": all(one["ok"] for one in rows) and not lost, "lost_heads": lost, "logs": rows}


def _as_dict(found: VerifiedLog) -> dict[str, Any]:
    fault = {**vars(found.fault), "text": str(found.fault)} if found.fault else None
    return {
        "ok": fault is None,
        "rows": found.head.sequence,
        "erased": found.erased,
        "head": found.head.hash,
        "fault": fault,
    }
