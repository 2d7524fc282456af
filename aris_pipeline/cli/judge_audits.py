"""`aris audit probe` and `aris audit stability`: ask the judge of a batch about changed prompts."""

from pathlib import Path
from typing import Annotated, Any

import typer

from aris_pipeline.audit import (
    faults_of_probe,
    probe_in_words,
    stability_in_words,
    suggested_band,
    version_of_rubric,
)
from aris_pipeline.cli import console
from aris_pipeline.cli.console import command
from aris_pipeline.cli.judges import judge_of
from aris_pipeline.cli.options import (
    WITHOUT_TRIAGE,
    AsJson,
    BatchName,
    DataDir,
    JudgedBy,
    takes_settings,
)
from aris_pipeline.completions import UNDECIDED_BAND
from aris_pipeline.completions.live_line import LiveLine
from aris_pipeline.ledger import refuse_openai
from aris_pipeline.prompts import load_rubric
from aris_pipeline.storage import BiasProbe, DataStore, Judge, VerdictStability, read_table

_MOST_ROWS = 5_000
_HINT = "run the audit again"

Rows = Annotated[int, typer.Option(min=2, max=_MOST_ROWS, help="Candidates to draw.")]
Seed = Annotated[int, typer.Option("--draw-seed", help="Equal seeds draw and ask equally.")]


@takes_settings(*WITHOUT_TRIAGE)
def probe(
    batch: BatchName,
    *,
    judging: dict[str, Any],
    rows: Rows = 500,
    answers: Annotated[
        int, typer.Option(min=0, help="Candidates that are asked for full answers too.")
    ] = 0,
    draw_seed: Seed = 7,
    rubric: JudgedBy = None,
    model: JudgedBy = None,
    data_dir: DataDir = "data",
    as_json: AsJson = False,
) -> None:
    """Change one thing in profiles of a batch, such as a name, and measure how scores move."""
    with command(as_json) as emit:
        store = DataStore.at(data_dir)
        judge = _audit(
            *(store, batch, "bias_probe", judging, rubric, model),
            {"rows": rows, "answers": answers, "seed": draw_seed},
        )
        path = store.bias_probe(judge, batch, _version(judge, judging))
        table = read_table(path, BiasProbe, hint=_HINT).to_dicts()
        faults = faults_of_probe(table)
        emit({**_about(batch, judge, path), "faults": faults, "signals": _plain(table)})
        console.say(f"{batch}: {table[0]['rows']:,} candidates, {judge.rubric} with {judge.model}")
        console.show_table(probe_in_words(table))
        console.say(
            "shift: mean score of the changed profile minus that of the reference, in points. A "
            "shift that is not clear is no proof of fairness."
        )
        console.say(f"wrote {path}")
        _warn_of_missing_scores(sum(row["unscored"] for row in table))
        for fault in faults:
            console.complain(fault)
        raise typer.Exit(1 if faults else 0)


@takes_settings(*WITHOUT_TRIAGE)
def stability(
    batch: BatchName,
    *,
    judging: dict[str, Any],
    rows: Rows = 500,
    top: Annotated[
        int | None, typer.Option(min=1, help="k of the churn; a tenth of the batch by default.")
    ] = None,
    draw_seed: Seed = 7,
    rubric: JudgedBy = None,
    model: JudgedBy = None,
    data_dir: DataDir = "data",
    as_json: AsJson = False,
) -> None:
    """Ask about candidates of a batch again, in other circumstances, and count changed verdicts."""
    with command(as_json) as emit:
        store = DataStore.at(data_dir)
        judge = _audit(
            *(store, batch, "verdict_stability", judging, rubric, model),
            {"rows": rows, "top": top, "seed": draw_seed},
        )
        path = store.verdict_stability(judge, batch, _version(judge, judging))
        table = read_table(path, VerdictStability, hint=_HINT).to_dicts()
        band = suggested_band(table)
        emit({**_about(batch, judge, path), "suggested_band": band, "kinds": _plain(table)})
        first = table[0]
        console.say(f"{batch}: {first['rows']:,} candidates, {judge.rubric} with {judge.model}")
        if first["stale"]:
            console.say(f"{first['stale']:,} of them have another prompt now, and are left out")
        console.show_table(stability_in_words(table))
        console.say(
            f"churn: of the first {first['top']:,}. batch: weighted to all rows; border: the rows "
            "nearest to the cut."
        )
        if band is not None:
            console.say(
                f"triage: an undecided band of {band:.2f} points holds 95 % of the border's "
                f"changes when asked among other rows; it is {UNDECIDED_BAND} points "
                "unless `--triage-band` sets it"
            )
        console.say(f"wrote {path}")
        _warn_of_missing_scores(sum(row["unscored"] for row in table if row["part"] == "batch"))


def _audit(
    store: DataStore,
    name: str,
    asset: str,
    judging: dict[str, Any],
    rubric: str | None,
    model: str | None,
    config: dict[str, Any],
) -> Judge:
    """Materializes an audit of a batch by the judge that was asked for, or its newest."""
    from aris_pipeline.defs.batch_run import BatchRunner  # noqa: PLC0415 - Dagster loads in a second

    batch = store.batch(name)
    judge = judge_of(store, batch, rubric, model)
    refuse_openai(batch, judge)
    judging |= {"rubric": judge.rubric, "model": model or judge.model}
    runner = BatchRunner.on(str(store.root), judging, console.say, LiveLine(draws=True))
    try:
        runner.audit(batch, asset, config)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(
            "stopped; the same command begins anew, and an earlier audit stays as it is"
        ) from None
    return judge


def _warn_of_missing_scores(unscored: int) -> None:
    if unscored:
        console.complain(
            f"{unscored:,} requests got no score: their row failed, or the engine gives no "
            "log-probabilities",
            word="warning",
        )


def _version(judge: Judge, judging: dict[str, Any]) -> str:
    folder = judging["rubrics_dir"]
    return version_of_rubric(load_rubric(judge.rubric, Path(folder) if folder else None))


def _about(batch: str, judge: Judge, path: Path) -> dict[str, Any]:
    return {"batch": batch, **vars(judge), "file": str(path)}


def _plain(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Returns rows for JSON: times as text."""
    return [row | {"asked_at": row["asked_at"].isoformat()} for row in rows]
