"""Every setting stands once: options, variables and the launchpad are made of it."""

from pathlib import Path

import pytest
import typer.main

from aris_pipeline.cli.commands import app
from aris_pipeline.defs.resources import JudgingResource
from aris_pipeline.errors import ConfigError
from aris_pipeline.settings import judging_fields, judging_settings, variable_of


def test_a_value_wins_over_its_variable_and_that_over_the_default() -> None:
    variables = {"ARIS_TEMPERATURE": "0.7", "ARIS_MAX_TOKENS": "300", "ARIS_REDACT": "false"}

    settings = judging_settings({"max_tokens": 200, "seed": None}, variables)

    assert settings.prompt.max_tokens == 200
    assert settings.prompt.temperature == 0.7
    assert not settings.prompt.redact
    assert settings.prompt.seed == 42


def test_only_what_somebody_chose_counts_as_set() -> None:
    settings = judging_settings({"model": "a-model", "rubrics_dir": "mine"}, {"ARIS_SEED": ""})

    assert settings.engine.model_fields_set == {"model"}
    assert settings.prompt.model_fields_set == set()
    assert settings.rubrics_dir == Path("mine")


@pytest.mark.parametrize("text", ["many", "0", "-1"])
def test_a_value_that_is_not_allowed_names_setting_option_and_variable(
    monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("ARIS_REPLICAS", text)

    with pytest.raises(ConfigError, match=f"replicas is '{text}'.*--replicas.*ARIS_REPLICAS"):
        JudgingResource().settings()


def test_every_setting_is_an_option_of_run_and_a_field_of_the_launchpad() -> None:
    command = vars(typer.main.get_command(app))["commands"]["run"]
    variables = {one.name: one.envvar for one in command.params}

    for name in judging_fields():
        assert variables[name] == variable_of(name)
        assert JudgingResource.model_fields[name].description
