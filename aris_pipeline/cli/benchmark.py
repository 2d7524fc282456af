"""`aris benchmark`: measure engines side by side, decide, and report; needs no Dagster."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import polars as pl
import typer
from polars import selectors

from aris_pipeline import benchmarks
from aris_pipeline.benchmarks import (
    ENGINES,
    PEERS,
    Contest,
    DecisionSettings,
    FileSource,
    Grid,
    History,
    Plan,
    ShapeSource,
    Source,
    Tuning,
    as_dict,
)
from aris_pipeline.cli import console
from aris_pipeline.cli.console import command
from aris_pipeline.cli.options import AsJson, DataDir, takes_settings
from aris_pipeline.errors import ConfigError
from aris_pipeline.models import ModelCard, find_model, gpu_count
from aris_pipeline.planning import misfit
from aris_pipeline.settings import judging_settings
from aris_pipeline.storage import DataStore

app = typer.Typer(
    name="benchmark",
    help="Measure engines side by side, decide between them, and report.",
    no_args_is_help=True,
)

_DATA = "data"
_HISTORY = Path("docs/benchmarks")
_WARM_UP_ROWS = {True: 256, False: 8}
_JUDGED = ("rubric", "rubrics_dir")
_ENGINE = ("max_model_len", "gpu_memory_utilization")

Models = Annotated[
    list[str] | None,
    typer.Option("--models", "--model", help="Names or directories, comma-separated or repeated."),
]
Rows = Annotated[int | None, typer.Option(min=1, help="Only the first N rows of the file.")]
Blocks = Annotated[int, typer.Option(min=1, help="Repetitions of each arm, in random turn.")]
Seed = Annotated[int, typer.Option(help="Of the order of the blocks.")]
WarmUp = Annotated[
    int | None,
    typer.Option("--warm-up", min=0, help="Rows before each block; 256 on a GPU, 8 on a CPU."),
]
FreeText = Annotated[
    bool, typer.Option("--free-text", help="Drop the answer's JSON schema in all arms.")
]
Gold = Annotated[Path | None, typer.Option(help="CSV of custom_id,recommendation[,criterion...].")]
RandomWeights = Annotated[
    bool, typer.Option("--random-weights", help="Load the shape of the model only: speed tests.")
]
ServerUrl = Annotated[
    str | None, typer.Option(help="Of `remote` and `ollama`; the key is in ARIS_SERVER_API_KEY.")
]


@app.command()
@takes_settings(
    "rubric",
    "rubrics_dir",
    "temperature",
    "max_tokens",
    "max_model_len",
    "gpu_memory_utilization",
    "max_requests_in_flight",
)
def run(
    *,
    judging: dict[str, Any],
    file: Annotated[Path, typer.Argument(help="Candidates or OpenAI requests, any known format.")],
    engines: Annotated[
        str, typer.Option(help=f"Comma-separated; of {', '.join((*ENGINES, *PEERS))}.")
    ] = "offline,serve",
    models: Models = None,
    rows: Rows = None,
    blocks: Blocks = 3,
    seed: Seed = 1,
    warm_up: WarmUp = None,
    free_text: FreeText = False,
    output_tokens: Annotated[
        int | None,
        typer.Option(min=1, help="Free text of exactly this length in all arms: speed only."),
    ] = None,
    random_weights: RandomWeights = False,
    server_url: ServerUrl = None,
    server_note: Annotated[
        str | None, typer.Option(help="What that server is, and how its weights are quantized.")
    ] = None,
    gold: Gold = None,
    data_dir: DataDir = _DATA,
    as_json: AsJson = False,
) -> None:
    """Measure engines on the same rows of a file, in turn."""
    with command(as_json) as emit:
        settings = judging_settings(judging)
        contest = Contest(
            contestants=_names(engines),
            cards=_cards(models, random_weights=random_weights),
            source=FileSource(file, rows, settings, not free_text, output_tokens),
            settings=settings.engine,
            plan=_plan("engines", blocks, seed, warm_up),
            gold=benchmarks.read_gold(gold) if gold else None,
            server_url=server_url,
            server_note=server_note,
        )
        emit(_measure(data_dir, contest))


@app.command()
@takes_settings(*_ENGINE, "max_requests_in_flight")
def compare(
    *,
    judging: dict[str, Any],
    file: Annotated[
        Path | None, typer.Argument(help="Rows to ask; without it, prompts of a declared shape.")
    ] = None,
    peers: Annotated[
        str, typer.Option(help="Comma-separated; the first is compared with each other one.")
    ] = "stage,llm-generate,run-batch",
    models: Models = None,
    rows: Annotated[int, typer.Option(min=1, help="Rows of a block.")] = 400,
    blocks: Blocks = 3,
    seed: Seed = 1,
    warm_up: WarmUp = None,
    free_text: FreeText = False,
    prompt_tokens: Annotated[int, typer.Option(min=2, help="Of a declared shape.")] = 788,
    shared_tokens: Annotated[
        int, typer.Option(min=0, help="Leading prompt tokens that all rows share.")
    ] = 560,
    output_tokens: Annotated[
        int | None,
        typer.Option(min=1, help="Exact length of all answers; 305 in a declared shape."),
    ] = None,
    random_weights: RandomWeights = False,
    data_dir: DataDir = _DATA,
    as_json: AsJson = False,
) -> None:
    """Measure our completions stage beside `LLM.generate`, `vllm run-batch` and our engines."""
    with command(as_json) as emit:
        settings = judging_settings(judging)
        source: Source
        if file is None:
            source = ShapeSource(rows, prompt_tokens, shared_tokens, output_tokens or 305, seed)
        else:
            source = FileSource(file, rows, settings, not free_text, output_tokens)
        contest = Contest(
            contestants=_names(peers),
            cards=_cards(models, random_weights=random_weights),
            source=source,
            settings=settings.engine,
            plan=_plan(benchmarks.BESIDE_PEERS, blocks, seed, warm_up),
        )
        emit(_measure(data_dir, contest))


@app.command("seed-ab")
@takes_settings(*_ENGINE)
def seed_ab(
    *,
    judging: dict[str, Any],
    file: Annotated[Path, typer.Argument(help="OpenAI batch file.")],
    rows: Rows = benchmarks.cells.ROWS,
    blocks: Blocks = 1,
    seed: Seed = 1,
    warm_up: WarmUp = None,
    gold: Gold = None,
    data_dir: DataDir = _DATA,
    as_json: AsJson = False,
) -> None:
    """Measure the customer's six cells: three models, each offline and served.

    A model that cannot run here is kept as pending or does not fit, with the reason.
    """
    with command(as_json) as emit:
        settings = judging_settings(judging)
        contest = Contest(
            contestants=benchmarks.cells.ENGINES,
            cards=[find_model(name) for name in benchmarks.cells.MODELS],
            source=FileSource(file, rows, settings),
            settings=settings.engine,
            plan=_plan(benchmarks.cells.SUITE, blocks, seed, warm_up),
            gold=benchmarks.read_gold(gold) if gold else None,
            needs_gpu=True,
        )
        emit(_measure(data_dir, contest))


@app.command()
@takes_settings(*_JUDGED, *_ENGINE)
def tune(
    *,
    judging: dict[str, Any],
    file: Annotated[
        Path | None, typer.Argument(help="Rows to ask; without it, prompts of a declared shape.")
    ] = None,
    model: Annotated[str | None, typer.Option(help="Name or directory.")] = None,
    rows: Annotated[
        int | None,
        typer.Option(min=1, help="Rows of a block; by default 200, and 2048 on an H100 or H200."),
    ] = None,
    blocks: Blocks = 2,
    seed: Seed = 1,
    warm_up: WarmUp = None,
    grid: Annotated[
        Path | None, typer.Option(help="YAML with settings of your own to try.")
    ] = None,
    min_agreement: Annotated[
        float,
        typer.Option(min=0, max=1, help="Share of the defaults' verdicts that must be repeated."),
    ] = benchmarks.MIN_AGREEMENT,
    random_weights: RandomWeights = False,
    data_dir: DataDir = _DATA,
    as_json: AsJson = False,
) -> None:
    """Find the fastest engine settings for a model on this hardware; later runs use them.

    Random weights tell the speed alone: no verdicts are compared, and only runs of random weights
    use what was found. Prompts of a declared shape have no verdicts: with real weights the defaults
    stay.
    """
    with command(as_json) as emit:
        settings = judging_settings(judging)
        asked = rows or benchmarks.rows_to_ask()
        tuning = Tuning(
            card=_cards([model] if model else None, random_weights=random_weights)[0],
            source=FileSource(file, asked, settings) if file else ShapeSource(asked, seed=seed),
            settings=settings.engine,
            grid=Grid.load(grid),
            plan=_plan("tuning", blocks, seed, warm_up),
            min_agreement=min_agreement,
        )
        trials = benchmarks.tune(DataStore.at(data_dir), tuning, say=console.say)
        shown = ["trial", "status", "load_s", "req_s", "ratio", "valid_rate", "agreement",
                 "admissible", "chosen", "reason"]  # fmt: skip
        emit({"run_id": trials["run_id"][0], "trials": _show(trials, shown)})


@app.command()
def decide(
    settings: Annotated[
        Path | None, typer.Option(help="Weights and flexibility of your own, as YAML.")
    ] = None,
    data_dir: DataDir = _DATA,
    as_json: AsJson = False,
) -> None:
    """Choose between what was measured, and say how firm the choice is."""
    with command(as_json) as emit:
        chosen = DecisionSettings.load(settings)
        decision = benchmarks.write_decision(DataStore.at(data_dir), chosen)
        found = as_dict(decision, chosen)
        emit(found)
        console.say(decision.verdict)
        console.show_table(
            [
                {
                    "rank": rank,
                    **{name: one[name] for name in ("engine", "model")},
                    **{name: round(one[name], 3) for name in ("score", "req_s", "total_s")},
                }
                for rank, one in enumerate(found["candidates"], start=1)
            ]
        )
        for measure, margin in decision.margins.items():
            console.say(_said(measure, margin))


@app.command()
def publish(
    run_ids: Annotated[list[str] | None, typer.Argument(help="Runs; all by default.")] = None,
    to: Annotated[Path, typer.Option(help="Committed history.")] = _HISTORY,
    data_dir: DataDir = _DATA,
    as_json: AsJson = False,
) -> None:
    """Copy runs from the data directory to the committed history; then `aris benchmark report`."""
    with command(as_json) as emit:
        source = History(DataStore.at(data_dir).benchmarks)
        written = source.publish(History(to), run_ids or ())
        emit({"files": [str(file) for file in written]})
        console.say("\n".join(f"wrote {file}" for file in written) or "nothing to publish")


@app.command()
def report(
    history: Annotated[Path, typer.Option(help="Committed history.")] = _HISTORY,
    root: Annotated[Path, typer.Option(help="Where BENCHMARKS.md goes.")] = Path(),
    data_dir: DataDir = _DATA,  # noqa: ARG001 - every command takes it
    as_json: AsJson = False,
) -> None:
    """Write BENCHMARKS.md and its pictures from the committed history."""
    with command(as_json) as emit:
        written = benchmarks.write_report(History(history), DecisionSettings.load(), root)
        emit({"files": [str(file) for file in written]})
        console.say("\n".join(f"wrote {file}" for file in written))


def _measure(data_dir: str, contest: Contest) -> dict[str, Any]:
    """Runs a contest, shows its figures and returns them."""
    store = DataStore.at(data_dir)
    runs = benchmarks.run_contest(store, contest, fits=misfit, say=console.say)
    shown = ["arm", "block", "status", "load_s", "processing_s", "req_s", "total_tok_s",
             "success_rate", "valid_rate", "reason"]  # fmt: skip
    rows = _show(runs.select("run_id", *shown), shown)
    return {"run_id": runs["run_id"][0] if runs.height else None, "blocks": rows}


def _show(table: pl.DataFrame, columns: Sequence[str]) -> list[dict[str, Any]]:
    """Shows some columns, and returns the rows with all; both are rounded."""
    rows = table.with_columns(selectors.float().round(3)).to_dicts()
    console.show_table([{name: row[name] for name in columns} for row in rows])
    return rows


def _names(text: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    if not names:
        raise ConfigError("name at least one engine")
    return names


def _cards(models: Sequence[str] | None, *, random_weights: bool) -> list[ModelCard]:
    names = [name.strip() for text in models or () for name in text.split(",") if name.strip()]
    cards = [find_model(name) for name in names] or [find_model(None)]
    if random_weights:
        return [card.model_copy(update={"load_format": "dummy"}) for card in cards]
    return cards


def _plan(suite: str, blocks: int, seed: int, warm_up: int | None) -> Plan:
    rows = _WARM_UP_ROWS[gpu_count() > 0] if warm_up is None else warm_up
    return Plan(suite, blocks, seed, rows)


def _said(measure: str, margin: Any) -> str:
    ends = [
        f"{word} {end:.0%} {winner} wins"
        for word, end, winner in (
            ("below", margin.low, margin.low_winner),
            ("above", margin.high, margin.high_winner),
        )
        if end is not None
    ]
    moves = ", ".join(ends) or "no weight changes the winner"
    return f"{measure.replace('_', ' ')}, set to {margin.weight:.0%}: {moves}"
