"""The command `aris plan`: a model's config, some hardware and rows in, a plan out."""

from pathlib import Path
from typing import Annotated, Any

import typer

from aris_pipeline.charts import plan_curve
from aris_pipeline.cli import console
from aris_pipeline.cli.console import command
from aris_pipeline.cli.options import AsJson, DataDir, ModelOption, takes_settings
from aris_pipeline.engines import EngineSettings
from aris_pipeline.errors import ConfigError
from aris_pipeline.models import Hardware, find_hardware, find_model, read_config
from aris_pipeline.planning import GIVEN, USUAL, AnswerLength, Model, declared, make_plan, of_batch
from aris_pipeline.prompts import DEFAULT_RUBRIC
from aris_pipeline.settings import judging_settings
from aris_pipeline.storage import DataStore, Judge, write_bytes
from aris_pipeline.throughput import Pace, measured_pace

_ROWS = 170_000
_DTYPES = ("bfloat16", "float16", "float32")


@takes_settings(
    "gpu_memory_utilization", "max_model_len", "tensor_parallel_size", "replicas",
    "engines_per_gpu", "kv_cache_dtype", "batch_invariant",
)  # fmt: skip
def plan(
    *,
    judging: dict[str, Any],
    model: ModelOption = None,
    config: Annotated[
        Path | None, typer.Option(help="A config.json, in place of a model of the table.")
    ] = None,
    gpu: Annotated[
        str | None, typer.Option(help="Such as rtx-4080; this machine by default.")
    ] = None,
    gpu_memory: Annotated[
        str | None, typer.Option(help="Such as 16GiB, of a card that is not in the table.")
    ] = None,
    dtype: Annotated[
        str | None, typer.Option(help="Of the weights; the model's own, or what fits, by default.")
    ] = None,
    quantization: Annotated[
        str | None, typer.Option(help="As the model is loaded; the config's own by default.")
    ] = None,
    images: Annotated[
        bool, typer.Option("--images", help="Count the vision tower, which `aris run` leaves out.")
    ] = False,
    rows: Annotated[int | None, typer.Option(min=1, help="Rows of the batch.")] = None,
    batch: Annotated[
        str | None, typer.Option(help="Take rows and token lengths from this batch's prompts.")
    ] = None,
    output_tokens: Annotated[
        int | None, typer.Option(min=1, help="Mean tokens of an answer; see the docs of rubrics.")
    ] = None,
    plot: Annotated[Path | None, typer.Option(help="Write the projections as a PNG.")] = None,
    data_dir: DataDir = "data",
    as_json: AsJson = False,
) -> None:
    """Say whether a model will fit and how long it will take, without loading it."""
    with command(as_json) as emit:
        # A plan needs no engine to be named: copies are Ray's, and others share a GPU.
        shared = (judging["engines_per_gpu"] or 1) > 1
        if shared and (judging["replicas"] or 1) > 1:
            raise ConfigError(
                "replicas are Ray's, and have a GPU each: leave --replicas and ARIS_REPLICAS out, "
                "or --engines-per-gpu and ARIS_ENGINES_PER_GPU"
            )
        engine = judging_settings({**judging, "engine": "offline" if shared else "ray"}).engine
        hardware = find_hardware(gpu, gpu_memory)
        if shared and not hardware.on_gpu:
            raise ConfigError(
                "several engines share a GPU, and this machine has none: name one by --gpu, or "
                "leave --engines-per-gpu and ARIS_ENGINES_PER_GPU out"
            )
        chosen = _model(model, config, dtype, quantization, on_gpu=hardware.on_gpu)
        store = DataStore.at(data_dir)
        pace = _pace(store, chosen, hardware, engine) if config is None else None
        answer = _answer(output_tokens, pace)
        if batch is None:
            work = declared(rows or _ROWS, answer)
        else:
            work = of_batch(store, store.batch(batch), chosen.name, answer, rows)
        made = make_plan(
            chosen, hardware, work, lambda: None if pace and pace.other_engines else pace,
            max_model_len=engine.max_model_len,
            utilization=engine.gpu_memory_utilization,
            tensor_parallel=engine.tensor_parallel_size,
            replicas=engine.replicas,
            engines_per_gpu=engine.engines_per_gpu,
            kv_cache_dtype=engine.kv_cache_dtype,
            batch_invariant=engine.batch_invariant,
            images=images,
        )  # fmt: skip
        found = made.as_dict()
        if plot is not None:
            copies = f", {engine.replicas} replicas" * (engine.replicas > 1)
            copies += f", {engine.engines_per_gpu} engines on the GPU" * shared
            png = plan_curve(found["projections"], f"{chosen.name} on {hardware.name}{copies}")
            if png is None:
                raise ConfigError(f"there is nothing to plot: {found['sources'][-1]}")
            write_bytes(png, plot.absolute())
        emit(found)
        _show(chosen, hardware, found)


def _model(
    name: str | None,
    config: Path | None,
    dtype: str | None,
    quantization: str | None,
    *,
    on_gpu: bool,
) -> Model:
    if dtype is not None and dtype not in _DTYPES:
        raise ConfigError(f"dtype '{dtype}' is not one of {', '.join(_DTYPES)}")
    if config is not None:
        read = read_config(config)
        stated = str(read.get("torch_dtype") or read.get("dtype") or "bfloat16")
        return Model(config.stem, read, str(config), dtype or stated, quantization=quantization)
    card = find_model(name, on_gpu=on_gpu)
    own: dict[str, Any] = {"dtype": dtype, "quantization": quantization}
    chosen = card.model_copy(update={key: value for key, value in own.items() if value})
    return Model.of_card(chosen, on_gpu=on_gpu)


def _pace(
    store: DataStore, model: Model, hardware: Hardware, engine: EngineSettings
) -> Pace | None:
    found = measured_pace(
        store, Judge(DEFAULT_RUBRIC, model.name), hardware.driver_names,
        replicas=engine.replicas, engines_per_gpu=engine.engines_per_gpu,
    )  # fmt: skip
    return None if found is None or found.elsewhere else found


def _answer(given: int | None, pace: Pace | None) -> AnswerLength:
    if given:
        return AnswerLength(given, GIVEN)
    if pace and pace.output_tokens_per_row:
        return AnswerLength(pace.output_tokens_per_row, "of earlier runs")
    return USUAL


def _show(model: Model, hardware: Hardware, found: dict[str, Any]) -> None:
    """Shows a plan to people: the verdict, the figures with their intervals, what they rest on."""
    verdict = "fits" if found["fits"] else "does not fit"
    console.say(f"{model.name} on {hardware.name}: {verdict}: {found['reason']}")
    between, each = found["interval"], " of each" * (found["engines_per_gpu"] > 1)
    cache, rows = f"{found['kv_cache_tokens']:,} tokens", f"{found['rows_in_flight']:,}"
    figures = [
        (f"weights{each}", f"{found['weights_gib']:.2f} GiB", ""),
        ("KV cache a token", f"{found['kv_bytes_per_token']:,} bytes", ""),
        (f"KV cache{each}", cache, _to(between["kv_cache_tokens"])),
        (f"rows in flight{each}", rows, _to(between["rows_in_flight"])),
    ]
    if found["predicted_req_s"]:
        figures += [
            ("rows a second", f"{found['predicted_req_s']:,}", _to(between["req_s"])),
            ("prompt and answer tokens a second", f"{found['predicted_total_tok_s']:,.0f}", ""),
        ]
        asked = {
            "rows": found["rows"],
            "hours": found["predicted_hours"],
            "interval": between["hours"],
        }
        known = [one for one in found["projections"] if one["rows"] != asked["rows"]]
        figures += [
            (f"hours for {one['rows']:,} rows", f"{one['hours']:,}", _to(one["interval"]))
            for one in sorted([*known, asked], key=lambda one: one["rows"])
        ]
    console.show_table(
        [dict(zip(("", "expected", "between"), row, strict=True)) for row in figures]
    )
    for title, lines in (("From", found["sources"]), ("Assumed", found["assumptions"])):
        console.say(f"{title}:")
        for line in lines:
            console.say(f"- {line}")


def _to(ends: list[float]) -> str:
    return f"{ends[0]:,} to {ends[1]:,}"
