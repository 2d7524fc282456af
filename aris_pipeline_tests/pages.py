"""Writes the configuration page and the command line's page from the code, by `python -m`.

A test compares the committed pages with what this module returns.
"""

import json
import typing
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import typer.main
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from typer.cli import get_docs_for_click

from aris_pipeline.candidates import LandingOptions
from aris_pipeline.cli.commands import app
from aris_pipeline.defs.audits import ProbeConfig, StabilityConfig
from aris_pipeline.defs.benchmarks import BenchmarkConfig, TuningConfig
from aris_pipeline.defs.landing import LandConfig
from aris_pipeline.defs.resources import (
    EngineResource,
    StoreResource,
    ThresholdsResource,
)
from aris_pipeline.quality import Thresholds
from aris_pipeline.settings import judging_fields, type_of

COMMAND = "python -m aris_pipeline_tests.pages"
DOCS = Path(__file__).parents[1] / "docs"

_GROUPS: list[tuple[str, type[BaseModel], tuple[type[BaseModel], ...]]] = [
    ("Resource `store`", StoreResource, ()),
    ("Resource `engine`", EngineResource, ()),
    ("Resource `thresholds`", ThresholdsResource, (Thresholds,)),
    ("Config of the job `land`", LandConfig, (LandingOptions,)),
    ("Config of `bias_probe`", ProbeConfig, ()),
    ("Config of `verdict_stability`", StabilityConfig, ()),
    ("Config of `benchmark_runs`", BenchmarkConfig, ()),
    ("Config of `engine_tuning`", TuningConfig, ()),
]
"""A title, the fields of the launchpad, and the models that bound and describe them better."""

_BETTER = {"path": "the file to land"}
"""Meanings of fields that neither a model nor an option describes in full."""

_VARIABLES = {
    "ARIS_SERVER_API_KEY": ("none", "key of a remote server; read from here and nowhere else"),
    "ARIS_MODELS": ("the shipped table", "a YAML file with [more models](gpu.md#your-own-models)"),
    "ARIS_CACHE_DIR": (
        "the user's cache",
        "the prepared demo model, locks of engines and the logs of vLLM; for data in an "
        "[object store](object-store.md) also locks and Dagster's home",
    ),
    "DAGSTER_HOME": (
        "`.dagster` in the data directory",
        "Dagster's instance; its `dagster.yaml` may name a [PostgreSQL](deployment.md#postgresql)",
    ),
    "ARIS_AUTOMATION": (
        "off",
        "`on` starts the landing sensor and the nightly schedule, as `aris dev --automation` does",
    ),
    "ARIS_NIGHTLY": ("`0 1 * * *`", "when the nightly schedule runs: cron, in UTC"),
    "ARIS_LANDING_MARKER": (
        "files that nobody has written to for ten seconds",
        "`required`: the sensor lands only files with an `.ok` file beside them",
    ),
    "ARIS_WEBHOOK_URL": ("none", "gets a JSON object for [each failed run](operations.md)"),
    "ARIS_RECIPIENTS": ("none", "who receives the data, for `aris explain`"),
    "ARIS_KEPT": ("none", "how long the data are kept, for `aris explain`"),
    "ARIS_GIT_COMMIT": ("the checkout's", "the commit that benchmarks name"),
    "ARIS_GIT_URL": (
        "none",
        "a GitHub or GitLab address: the UI links assets to their source there",
    ),
}
"""Variables that no field of a resource stands for: the default, and what the variable sets."""

_INTRODUCTION = f"""\
# Configuration

Written by `{COMMAND}` from the code; do not edit.

Every field below can be set for a single run in Dagster's launchpad.
Those of `judging` all have an option of `aris run` and a variable.
An option wins over its variable, and a variable over the default.
The variables apply to the UI as well.
[Command line](cli.md) lists the options of every command.
"""


def configuration() -> str:
    """Returns the configuration page as Markdown."""
    parts = [_INTRODUCTION]
    head = "| field | option | variable | default | meaning |\n|---|---|---|---|---|"
    rows = [*_rows(judging_fields(), (), _options_of_run())]
    parts.append("\n".join(["## Resource `judging`\n", head, *rows, ""]))
    for title, model, sources in _GROUPS:
        options = _options_of_run() if model in {StoreResource, LandConfig} else {}
        rows = [*_rows(model.model_fields, sources, options)]
        parts.append("\n".join([f"## {title}\n", head, *rows, ""]))
    rows = [f"| `{name}` | {default} | {what} |" for name, (default, what) in _VARIABLES.items()]
    head = "| variable | default | meaning |\n|---|---|---|"
    parts.append("\n".join(["## Other variables\n", head, *rows, ""]))
    return "\n".join(parts)


def command_line() -> str:
    """Returns the page of the command line as Markdown, made by typer."""
    command = typer.main.get_command(app)
    context = typer.Context(command, info_name="aris")
    text = get_docs_for_click(obj=command, ctx=context, name="aris", title="Command line")
    for shown in _commands(command):
        cut, whole = shown.get_short_help_str(), shown.get_short_help_str(limit=200)
        text = text.replace(f"* `{shown.name}`: {cut}\n", f"* `{shown.name}`: {whole}\n")
    title, _, rest = text.partition("\n")
    note = (
        f"Written by `{COMMAND}` from the code; do not edit.\n"
        "[Scripting](scripting.md) describes exit codes and JSON, "
        "[configuration](configuration.md) the same settings in Dagster."
    )
    return f"{title}\n\n{note}\n{rest}".rstrip() + "\n"


def _rows(
    fields: Mapping[str, FieldInfo], sources: tuple[type[BaseModel], ...], options: dict[str, Any]
) -> Iterator[str]:
    for name, field in fields.items():
        better = [source.model_fields[name] for source in sources if name in source.model_fields]
        option = options.get(name)
        variable = option.envvar if option is not None else None
        meaning = _meaning(name, [*better, field], option)
        default = "" if field.is_required() or field.default is None else _plain(field.default)
        cells = [
            f"`{name}`",
            f"`{option.opts[0]}`" if option is not None else "",
            f"`{variable}`" if variable else "",
            f"`{default}`" if default else "",
            "; ".join([meaning, *_limits([*better, field])]),
        ]
        yield f"| {' | '.join(cells)} |"


def _plain(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _commands(group: Any) -> Iterator[Any]:
    for command in getattr(group, "commands", {}).values():
        yield command
        yield from _commands(command)


def _options_of_run() -> dict[str, Any]:
    """Returns the options of `aris run` by the name of the field that they set."""
    run: Any = vars(typer.main.get_command(app))["commands"]["run"]
    options = [one for one in run.params if one.opts[0].startswith("--")]
    return {one.opts[0][2:].replace("-", "_"): one for one in options}


def _meaning(name: str, fields: list[FieldInfo], option: Any) -> str:
    described = [field.description for field in fields if field.description]
    if not described and option is not None:
        described = [option.help]
    text = _BETTER.get(name) or described[0]
    return text.rstrip(".").replace("|", "\\|")


def _limits(fields: list[FieldInfo]) -> Iterator[str]:
    """Yields what a value must keep to: a bound, or one of some words."""
    bounds = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}
    for part in fields[0].metadata:
        for name, words in bounds.items():
            if hasattr(part, name):
                yield f"{words} {getattr(part, name)}"
    choices = typing.get_args(type_of(fields[0]))
    if choices and all(isinstance(choice, str) for choice in choices):
        yield "one of " + ", ".join(f"`{choice}`" for choice in choices)


PAGES = {"configuration.md": configuration, "cli.md": command_line}

if __name__ == "__main__":
    for file, text in PAGES.items():
        (DOCS / file).write_text(text(), encoding="utf-8")
