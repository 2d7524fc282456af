"""README.md against the code: its snippets run, and what it names exists."""

import re
from collections.abc import Callable, Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest
import typer.main

from aris_pipeline.cli import app
from aris_pipeline.defs.batch_run import BatchRunner
from aris_pipeline.defs.build import build_definitions
from aris_pipeline.engines import Completion, ModelCard, Request, find_model
from aris_pipeline.engines.models import ModelTable
from aris_pipeline.prompts import Rubric
from aris_pipeline.storage import DataStore
from aris_pipeline_tests.assets.test_chain import LANDING, LAST, WriteFile
from aris_pipeline_tests.fake_engine import (
    FakeEngine,
    FakeEngineResource,
    answer_by_schema,
    refuse,
)

REPOSITORY = Path(__file__).parents[2]
README = (REPOSITORY / "README.md").read_text(encoding="utf-8")

SNIPPETS = re.findall(r"^```python\n(.*?)^```$", README, flags=re.DOTALL | re.MULTILINE)
RESULTS = ["ranking", "failed", "joined", "throughput"]
"""The variable that each snippet leaves its rows in, in the order of the page."""

COMMANDS: dict[str, Any] = vars(typer.main.get_command(app))["commands"]
_INTERNAL_VARIABLES = {"ARIS_ENGINE_PARENT_PID"}


@pytest.fixture
def outputs(
    runner: BatchRunner,
    store: DataStore,
    write_file: WriteFile,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[[str], int]:
    """Two batches, with one failed and one quarantined row; returns what counts a result's rows."""
    refused: list[str] = []

    def answer(request: Request) -> Completion:
        if not refused:
            refused.append(request.request_id)
            return refuse(request)
        return answer_by_schema(request)

    monkeypatch.setattr(FakeEngineResource, "make", staticmethod(lambda: FakeEngine(answer)))
    runner.run(write_file(12), LANDING, LAST)
    table = tmp_path / "table.csv"
    table.write_text("id,Resume\na,Software engineer at Acme\nb,A cook\na,The same id again\n")
    runner.run(table, LANDING, LAST)
    monkeypatch.chdir(store.root.parent)
    expected = {"ranking": 13, "failed": 1, "joined": 14, "throughput": 3}
    return expected.__getitem__


def test_every_python_snippet_runs_and_returns_its_rows(
    outputs: Callable[[str], int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert len(SNIPPETS) == len(RESULTS)
    for code, name in zip(SNIPPETS, RESULTS, strict=True):
        names: dict[str, Any] = {}
        exec(compile(code, f"README.md: {name}", "exec"), names)
        found = names[name]
        rows = found.collect() if isinstance(found, pl.LazyFrame) else found
        assert len(rows) == outputs(name), name
        assert capsys.readouterr().out.strip(), name


def test_every_aris_command_named_exists_and_has_the_options_named_with_it() -> None:
    named = list(_command_lines())
    assert {command for command, _ in named} == set(COMMANDS)
    for command, options in named:
        assert options <= _options_of(command), command


def test_every_option_named_belongs_to_some_command() -> None:
    known = {option for command in COMMANDS for option in _options_of(command)}
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", _without_other_programs())) <= known


def test_the_configuration_table_holds_every_option_of_run() -> None:
    section = README.partition("## Configuration")[2].partition("\n## ")[0]
    named = set(re.findall(r"`(--[a-z-]+)`", section))
    assert named == _options_of("run") - {"--json", "--help"}


def test_every_variable_named_is_read_by_the_code_and_the_other_way_round() -> None:
    pattern = r"\b(?:ARIS|DAGSTER)_[A-Z_]+\b"
    sources = (REPOSITORY / "aris_pipeline").rglob("*.py")
    quoted = re.findall(rf'"({pattern})"', "\n".join(file.read_text() for file in sources))
    assert set(re.findall(pattern, README)) == set(quoted) - _INTERNAL_VARIABLES


def test_the_picture_of_the_graph_has_the_edges_and_groups_of_the_definitions() -> None:
    graph = build_definitions().resolve_asset_graph()
    picture = README.partition("```mermaid")[2].partition("```")[0]
    drawn = {(left, right) for left, right in re.findall(r"(\w+) --> (\w+)", picture)}
    assert drawn == {
        (parent.to_user_string(), key.to_user_string())
        for key in graph.get_all_asset_keys()
        for parent in graph.get(key).parent_keys
    }
    for group, body in re.findall(r"subgraph (\w+)\n(.*?)\n    end", picture, flags=re.DOTALL):
        for name in set(re.findall(r"\w+", body)):
            assert graph.get(dg.AssetKey(name)).group_name == group, name


def test_every_field_of_a_rubric_is_described() -> None:
    section = README.partition("## Rubrics of your own")[2].partition("\n## ")[0]
    assert set(Rubric.model_fields) <= set(re.findall(r"`(\w+)`", section))


def test_the_model_table_says_what_the_shipped_one_says() -> None:
    section = README.partition("## On a GPU")[2].partition("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("| `")]
    for row in rows:
        cells = row.split("|")
        model, aliases, checkpoint, tag = (re.findall(r"`([^`]+)`", cell) for cell in cells[1:5])
        card = find_model(model[0])
        assert (card.name, set(card.aliases)) == (model[0], set(aliases))
        assert checkpoint in ([card.model_id], [])
        assert (tag, cells[5].strip()) == (
            [card.ollama_tag] if card.ollama_tag else [],
            card.licence,
        )
    shipped = resources.files("aris_pipeline.engines").joinpath("models.yaml").read_text()
    assert len(rows) == len(ModelTable.read(shipped, "models.yaml").models)


def test_the_example_of_a_model_of_ones_own_can_be_read_and_names_every_field() -> None:
    example = README.partition("```yaml\nmodels:")[2].partition("```")[0]
    (card,) = ModelTable.read(f"models:{example}", "README.md").models
    assert set(ModelCard.model_fields) - card.model_fields_set == {"embedded", "load_format"}


@pytest.mark.parametrize(
    "page", [REPOSITORY / "README.md", REPOSITORY / "CONTRIBUTING.md", REPOSITORY / "CHANGELOG.md"]
)
def test_every_file_linked_or_named_in_the_repository_is_there(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)#:]+)\)", text)
    folders = re.findall(r"`((?:aris_pipeline|aris_pipeline_tests|docs)/[\w./-]*)`", text)
    images = "docs/images/"
    missing = [
        name
        for name in [*links, *folders]
        if not name.startswith(images) and not (REPOSITORY / name).exists()
    ]
    assert missing == []


def _command_lines() -> Iterator[tuple[str, set[str]]]:
    """Each `aris COMMAND ...` in code, with the options in the same piece of code."""
    code = re.findall(r"`([^`\n]+)`", README)
    for block in re.findall(r"^```sh\n(.*?)^```$", README, flags=re.DOTALL | re.MULTILINE):
        code += [line.partition("#")[0] for line in block.splitlines()]
    for piece in code:
        if match := re.match(r"aris ([a-z]+)", piece.strip()):
            yield match[1], set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", piece))


def _options_of(command: str) -> set[str]:
    of_command = COMMANDS[command]
    parts = [of_command, *vars(of_command).get("commands", {}).values()]
    parameters = [parameter for part in parts for parameter in part.params]
    return {
        option
        for parameter in parameters
        for option in [*parameter.opts, *parameter.secondary_opts]
        if option.startswith("--")
    } | {"--help"}


def _without_other_programs() -> str:
    return "\n".join(line for line in README.splitlines() if not line.startswith("pip install"))
