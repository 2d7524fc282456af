"""Lists every setting of a judgment, once.

A setting is a field of `JudgingSettings`, `PromptSettings` or `EngineSettings`. The options of the
command line, the variables, the fields of Dagster's launchpad and the configuration page are made
from these fields. A given value wins over the variable `ARIS_<NAME>`, which wins over the default.
"""

from collections.abc import Mapping
from types import NoneType
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from aris_pipeline.engines.settings import EngineSettings
from aris_pipeline.errors import ConfigError
from aris_pipeline.judging import JudgingSettings
from aris_pipeline.prompts.settings import PromptSettings

_PARTS: Mapping[str, type[BaseModel]] = {"prompt": PromptSettings, "engine": EngineSettings}


def judging_fields() -> dict[str, FieldInfo]:
    """Returns all settings by name."""
    own = JudgingSettings.model_fields
    fields = {name: field for name, field in own.items() if name not in _PARTS}
    for part in _PARTS.values():
        fields |= part.model_fields
    return fields


def variable_of(name: str) -> str:
    """Returns the environment variable of a setting."""
    return f"ARIS_{name.upper()}"


def type_of(field: FieldInfo) -> Any:
    """Returns the type of a setting without None."""
    kinds = [kind for kind in get_args(field.annotation) if kind is not NoneType]
    is_choice = get_origin(field.annotation) is Literal
    return kinds[0] if kinds and not is_choice else field.annotation


def judging_settings(
    given: Mapping[str, Any], environment: Mapping[str, str] | None = None
) -> JudgingSettings:
    """Returns the settings of a judgment.

    Args:
        given: values by the names of the settings; None means not given.
        environment: the variables for settings that are not given.

    Raises:
        ConfigError: a value is not allowed; the message names the setting, the value and the
            variable.
    """
    values: dict[str, Any] = {}
    for name in judging_fields():
        value = given.get(name)
        if value is None and environment:
            value = environment.get(variable_of(name)) or None
        if value is not None:
            values[name] = value
    parts = {
        part: {name: values.pop(name) for name in model.model_fields if name in values}
        for part, model in _PARTS.items()
    }
    try:
        made = {part: model(**parts[part]) for part, model in _PARTS.items()}
        settings = JudgingSettings(**values, **made)
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        name = str(fault["loc"][0])
        raise ConfigError(
            f"{name} is '{fault['input']}', and that is not allowed: {fault['msg']}. Correct the "
            f"option --{name.replace('_', '-')}, the variable {variable_of(name)}, or the field "
            "in the launchpad"
        ) from error
    if settings.triage is not None and settings.triage_recall is not None:
        raise ConfigError(
            "choose one of --triage (or ARIS_TRIAGE), which is a share of the rows, and "
            "--triage-recall (or ARIS_TRIAGE_RECALL)"
        )
    return settings
