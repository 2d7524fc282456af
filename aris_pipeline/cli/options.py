"""Options that several commands of the command line share."""

import inspect
from collections.abc import Callable
from enum import StrEnum
from functools import wraps
from typing import Annotated, Any, get_args

import typer
from pydantic.fields import FieldInfo

from aris_pipeline.cli.pages import write_pages_anew
from aris_pipeline.erasure import finish_erasure
from aris_pipeline.errors import ArisError
from aris_pipeline.models import EngineKind
from aris_pipeline.settings import judging_fields, type_of, variable_of
from aris_pipeline.storage import DataStore


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


def _with_finished_erasure(place: str) -> str:
    """Completes an erasure that was stopped, before a command reads the data directory."""
    try:
        store = DataStore.at(place)
        removed = finish_erasure(store)
        if removed is not None:
            write_pages_anew(store, removed)
            typer.echo("note: an erasure that was stopped is complete now", err=True)
    except ArisError as error:
        typer.echo(f"error: an erasure was stopped and cannot be completed: {error}", err=True)
        raise typer.Exit(2) from None
    return place


DataDir = Annotated[
    str,
    typer.Option(
        callback=_with_finished_erasure,
        envvar="ARIS_DATA_DIR",
        metavar="DIRECTORY",
        help="Root of all inputs and outputs; also s3://bucket/prefix.",
    ),
]
BatchName = Annotated[str, typer.Argument(help="Name of a batch; `aris status` lists them.")]
AsJson = Annotated[
    bool,
    typer.Option("--json", help="One JSON object as the last line of stdout, the rest on stderr."),
]
JudgedBy = Annotated[str | None, typer.Option(help="Verdicts of this one; the newest by default.")]

ModelOption = Annotated[
    str | None, typer.Option(envvar="ARIS_MODEL", help="Name, alias, Hugging Face id or directory.")
]
Engines = StrEnum("Engines", [*get_args(EngineKind), "auto"])  # type: ignore[misc] # they list themselves
EngineOption = Annotated[
    Engines,
    typer.Option(envvar="ARIS_ENGINE", help="auto: what `aris benchmark decide` chose."),
]
WITHOUT_TRIAGE = tuple(name for name in judging_fields() if not name.startswith("triage"))
Triage = Annotated[
    float | None,
    typer.Option(
        parser=_share,
        envvar="ARIS_TRIAGE",
        metavar="SHARE",
        help="Score all rows, and generate answers only for this share of them, such as 10%.",
    ),
]


def takes_settings(*names: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Gives a command the options of settings, which it gets as the dictionary `judging`.

    Args:
        names: of the settings; all by default, but for those that the command has itself.
    """

    def with_options(function: Callable[..., Any]) -> Callable[..., Any]:
        signature = inspect.signature(function, eval_str=True)
        own = {name: one for name, one in signature.parameters.items() if name != "judging"}
        fields = judging_fields()
        chosen = [name for name in names or fields if name not in own]
        options = [_option(name, fields[name]) for name in chosen]

        @wraps(function)
        def called(**given: Any) -> None:
            judging = {name: given.pop(name) for name in chosen}
            function(**given, judging=judging)

        named = [one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in own.values()]
        called.__signature__ = signature.replace(parameters=[*named, *options])  # type: ignore[attr-defined]
        return called

    return with_options


def _option(name: str, field: FieldInfo) -> inspect.Parameter:
    """Returns the option of a setting; what is not given is None."""
    kind = type_of(field)
    flag = f"--{name.replace('_', '-')}"
    if kind is bool and field.default is not False:
        flag = f"{flag}/--no-{flag[2:]}"
    bounds = {
        word: getattr(limit, bound)
        for limit in field.metadata
        for bound, word in (("ge", "min"), ("le", "max"))
        if hasattr(limit, bound)
    }
    option = typer.Option(
        flag,
        envvar=variable_of(name),
        help=_sentence(f"{field.description or ''}{_above(field)}"),
        show_default=False
        if field.default is None or field.default is False
        else _shown(field.default),
        **bounds,
    )
    return inspect.Parameter(
        name,
        inspect.Parameter.KEYWORD_ONLY,
        default=None,
        annotation=Annotated[kind | None, option],
    )


def _above(field: FieldInfo) -> str:
    """Returns what a value must exceed; typer's bounds are in the range themselves."""
    limits = [limit.gt for limit in field.metadata if hasattr(limit, "gt")]
    return "".join(f"; above {limit:g}" for limit in limits)


def _shown(default: object) -> str:
    return "on" if default is True else str(default)


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."
