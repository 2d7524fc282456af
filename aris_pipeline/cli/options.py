"""Options that several commands of the command line share."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


def _share(text: str) -> float:
    """Reads 10% or 0.1."""
    number = text.removesuffix("%")
    try:
        share = float(number) / (100 if number != text else 1)
    except ValueError:
        share = 0.0
    if not 0 < share < 1:
        raise typer.BadParameter(f"'{text}' is no share of the rows, such as 10% or 0.1")
    return share


DataDir = Annotated[
    str,
    typer.Option(
        envvar="ARIS_DATA_DIR",
        metavar="DIRECTORY",
        help="Root of all inputs and outputs; also s3://bucket/prefix.",
    ),
]
AsJson = Annotated[
    bool,
    typer.Option("--json", help="One JSON object as the last line of stdout, the rest on stderr."),
]
JudgedBy = Annotated[str | None, typer.Option(help="Verdicts of this one; the newest by default.")]

Profiles = StrEnum("Profiles", ["default", "history"])

RubricOption = Annotated[
    str | None, typer.Option(envvar="ARIS_RUBRIC", help="Rubric id; aris-swe-v1 by default.")
]
RubricsDir = Annotated[
    Path | None, typer.Option(envvar="ARIS_RUBRICS_DIR", help="Rubrics of your own.")
]
ModelOption = Annotated[
    str | None, typer.Option(envvar="ARIS_MODEL", help="Name, alias, Hugging Face id or directory.")
]
Engines = StrEnum("Engines", ["offline", "serve", "ray", "remote", "ollama", "auto"])
EngineOption = Annotated[
    Engines,
    typer.Option(envvar="ARIS_ENGINE", help="auto: what `aris benchmark decide` chose."),
]
ServerUrl = Annotated[
    str | None,
    typer.Option(envvar="ARIS_SERVER_URL", help="Of a remote server; key: ARIS_SERVER_API_KEY."),
]
Replicas = Annotated[
    int, typer.Option(min=1, envvar="ARIS_REPLICAS", help="Copies of the model, by --engine ray.")
]
RayAddress = Annotated[
    str | None,
    typer.Option(
        envvar="ARIS_RAY_ADDRESS",
        help="Ray cluster, such as auto or HOST:6379; by default Ray starts on this machine.",
    ),
]
ProfileOption = Annotated[
    Profiles, typer.Option(help="history repeats the settings of the earlier stack.")
]
Redact = Annotated[bool, typer.Option(help="Keep names and contact data out of the prompt.")]
Temperature = Annotated[float | None, typer.Option(min=0, max=2, help="Of sampling; 0 by default.")]
MaxTokens = Annotated[int | None, typer.Option(min=1, help="Limit of an answer.")]
Shorten = Annotated[
    bool,
    typer.Option(
        "--shorten", help="Cut OpenAI rows that are too long in their middle; else they fail."
    ),
]
UseExample = Annotated[
    bool, typer.Option("--use-example", help="Show the rubric's worked example to the model.")
]
Triage = Annotated[
    float | None,
    typer.Option(
        parser=_share,
        metavar="SHARE",
        help="Score all rows, and generate answers only for this share of them, such as 10%.",
    ),
]
MaxModelLen = Annotated[int | None, typer.Option(min=64, help="Context in tokens.")]
Tuned = Annotated[
    bool, typer.Option(help="Use the engine settings that `aris benchmark tune` found here.")
]
