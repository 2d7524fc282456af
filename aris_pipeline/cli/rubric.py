"""`aris rubric`: start a rubric, and see what it costs before a model is loaded."""

from pathlib import Path
from typing import Annotated, Any

import typer

from aris_pipeline.cli import console
from aris_pipeline.cli.console import command
from aris_pipeline.cli.options import AsJson, ModelOption
from aris_pipeline.errors import ConfigError
from aris_pipeline.models import find_model, load_tokenizer
from aris_pipeline.prompts import new_rubric, read_rubric, rubric_costs
from aris_pipeline.storage import write_bytes

app = typer.Typer(
    name="rubric", help="Start a rubric, and see what it costs.", no_args_is_help=True
)


@app.command()
def check(
    file: Annotated[Path, typer.Argument(help="The rubric's YAML file.")],
    model: ModelOption = None,
    max_model_len: Annotated[
        int, typer.Option(min=256, help="Context in tokens: 8192 on a GPU, 2048 on a CPU.")
    ] = 2048,
    as_json: AsJson = False,
) -> None:
    """Say whether a rubric can be used, and its tokens for a model, without loading the model."""
    with command(as_json) as emit:
        rubric = read_rubric(file)
        card = find_model(model)
        costs = rubric_costs(rubric, load_tokenizer(card), max_model_len)
        found: dict[str, Any] = {"rubric": rubric.id, "model": card.name, **costs.as_dict()}
        emit(found)
        console.show_table([{"figure": name, "value": value} for name, value in found.items()])
        if costs.problem:
            raise ConfigError(costs.problem)
        console.say(f"{file.name} can be used: --rubric {rubric.id} --rubrics-dir {file.parent}")


@app.command()
def new(
    rubric_id: Annotated[str, typer.Argument(metavar="ID", help="Such as my-team-v1.")],
    out: Annotated[Path, typer.Option(help="Directory of the new file.")] = Path("rubrics"),
    as_json: AsJson = False,
) -> None:
    """Write a rubric to start from: `aris-swe-v2` under another id."""
    with command(as_json) as emit:
        file = out / f"{rubric_id}.yaml"
        if file.exists():
            raise ConfigError(f"{file} exists already: choose another id or --out")
        write_bytes(new_rubric(rubric_id).encode(), file.absolute())
        emit({"rubric": str(file)})
        console.say(f"{file} is written: edit it, then `aris rubric check {file}`")
