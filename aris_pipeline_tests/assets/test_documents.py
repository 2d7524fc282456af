"""README.md and docs/ against the code: snippets run, and what they name exists."""

import re
from collections.abc import Callable, Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest
import typer.main

from aris_pipeline.candidates import ColumnMap
from aris_pipeline.chain import TABLES
from aris_pipeline.cli.commands import app
from aris_pipeline.defs.batch_run import BatchRunner
from aris_pipeline.defs.build import build_definitions
from aris_pipeline.defs.lineage import lineage
from aris_pipeline.engines import Completion, Request
from aris_pipeline.models import ModelCard, find_model
from aris_pipeline.models.cards import ModelTable
from aris_pipeline.prompts import Rubric
from aris_pipeline.settings import judging_fields, variable_of
from aris_pipeline.storage import DataStore, Judge, Shard
from aris_pipeline_tests.assets.test_chain import LANDING, LAST, WriteFile
from aris_pipeline_tests.fake_engine import (
    FakeEngine,
    FakeEngineResource,
    answer_by_schema,
    refuse,
)
from aris_pipeline_tests.pages import COMMAND, PAGES, command_line, configuration

REPOSITORY = Path(__file__).parents[2]
DOCS = REPOSITORY / "docs"
GENERATED = {"cli.md", "configuration.md", "data-dictionary.md"}
WRITTEN = {
    path.name: path.read_text(encoding="utf-8")
    for path in [REPOSITORY / "README.md", *sorted(DOCS.glob("*.md"))]
    if path.name not in GENERATED
}
"""The documents that people write, by their file names."""

ALL_WRITTEN = "\n".join(WRITTEN.values())
SNIPPETS = [
    (page, code)
    for page, text in WRITTEN.items()
    for code in re.findall(r"^```python\n(.*?)^```$", text, flags=re.DOTALL | re.MULTILINE)
]
RESULTS = ["ranking", "failed", "joined", "throughput"]
"""The variable that each snippet leaves its rows in, in the order of the pages."""

COMMANDS: dict[str, Any] = vars(typer.main.get_command(app))["commands"]
_VARIABLE = r"\b(?:ARIS|DAGSTER)_[A-Z_]+\b"
_INTERNAL_VARIABLES = {"ARIS_ENGINE_PARENT_PID"}
_OTHER_PROGRAMS_VARIABLES = {"DAGSTER_POSTGRES_URL"}


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


@pytest.mark.slow
def test_every_python_snippet_runs_and_returns_its_rows(
    outputs: Callable[[str], int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert len(SNIPPETS) == len(RESULTS)
    for (page, code), name in zip(SNIPPETS, RESULTS, strict=True):
        names: dict[str, Any] = {}
        exec(compile(code, f"{page}: {name}", "exec"), names)
        found = names[name]
        rows = found.collect() if isinstance(found, pl.LazyFrame) else found
        assert len(rows) == outputs(name), name
        assert capsys.readouterr().out.strip(), name


def test_every_aris_command_named_exists_and_has_the_options_named_with_it() -> None:
    named = list(_command_lines())
    assert {command for _, command, _ in named} == set(COMMANDS)
    for page, command, options in named:
        assert options <= _options_of(command), (page, command)


def test_every_option_named_alone_belongs_to_some_command() -> None:
    known = {option for command in COMMANDS for option in _options_of(command)}
    # The page about a team's instance names options of other programs.
    pages = {page: text for page, text in WRITTEN.items() if page != "deployment.md"}
    for page, text in pages.items():
        assert set(re.findall(r"`(--[a-z][a-z-]+)", text)) <= known, page


def test_every_variable_named_is_read_by_the_code() -> None:
    named = set(re.findall(_VARIABLE, ALL_WRITTEN + configuration()))
    assert named - _OTHER_PROGRAMS_VARIABLES <= _variables_of_the_code()


def test_the_configuration_page_holds_every_variable_that_the_code_reads() -> None:
    assert set(re.findall(_VARIABLE, configuration())) == _variables_of_the_code()


@pytest.mark.parametrize("page", PAGES)
def test_the_committed_pages_are_what_the_code_gives(page: str) -> None:
    committed = (DOCS / page).read_text(encoding="utf-8")

    assert committed == PAGES[page](), f"run `make docs`, or {COMMAND}"


def test_the_command_lines_page_holds_every_command_and_option() -> None:
    page = command_line()
    for command in COMMANDS:
        section = page.partition(f"## `aris {command}`")[2].partition("\n## ")[0]
        assert _options_of(command) <= set(re.findall(r"--[a-z][a-z-]+", section)), command


def test_the_configuration_page_holds_every_field_of_the_resources_with_its_bounds() -> None:
    page = configuration()
    for resource in (build_definitions().resources or {}).values():
        for name in type(resource).model_fields:
            assert f"| `{name}` |" in page
    row = next(line for line in page.splitlines() if line.startswith("| `max_tokens`"))
    assert "`--max-tokens`" in row
    assert "at least 1" in row
    row = next(line for line in page.splitlines() if line.startswith("| `engine`"))
    assert "`ARIS_ENGINE` | `offline`" in row


def test_the_picture_of_the_graph_has_the_edges_and_groups_of_the_definitions() -> None:
    graph = build_definitions().resolve_asset_graph()
    picture = WRITTEN["README.md"].partition("```mermaid")[2].partition("```")[0]
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
    assert set(Rubric.model_fields) <= set(re.findall(r"`(\w+)`", WRITTEN["rubrics.md"]))


def test_the_model_table_says_what_the_shipped_one_says() -> None:
    section = WRITTEN["gpu.md"].partition("## Models")[2].partition("\n## ")[0]
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
    shipped = resources.files("aris_pipeline.models").joinpath("models.yaml").read_text()
    assert len(rows) == len(ModelTable.read(shipped, "models.yaml").models)


def test_the_example_of_a_model_of_ones_own_can_be_read_and_names_every_field() -> None:
    example = WRITTEN["gpu.md"].partition("```yaml\nmodels:")[2].partition("```")[0]
    (card,) = ModelTable.read(f"models:{example}", "gpu.md").models
    assert set(ModelCard.model_fields) - card.model_fields_set == {"embedded", "load_format"}


def test_the_example_of_a_mapping_can_be_read_and_names_every_kind_of_field(tmp_path: Path) -> None:
    page = WRITTEN["inputs.md"]
    example = page.partition("```yaml\n")[2].partition("```")[0]
    file = tmp_path / "columns.yaml"
    file.write_text(example)

    mapping = ColumnMap.read(file)

    assert mapping.id == "Bewerbernummer"
    fields = page.partition("The fields are")[2].partition("\n")[0]
    assert set(ColumnMap.model_fields) <= set(re.findall(r"`(\w+)`", fields))


@pytest.mark.parametrize(
    "page",
    [
        *(REPOSITORY / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
        *sorted(DOCS.glob("*.md")),
    ],
    ids=lambda path: path.name,
)
def test_every_file_linked_or_named_in_the_repository_is_there(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    links = [page.parent / name for name in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text)]
    folders = re.findall(r"`((?:aris_pipeline|aris_pipeline_tests|docs)/[\w./-]*)`", text)
    named = [*links, *(REPOSITORY / name for name in folders)]
    assert [str(path) for path in named if "images" not in path.parts and not path.exists()] == []


def test_every_page_is_in_the_navigation_of_the_site() -> None:
    navigation = (REPOSITORY / "mkdocs.yml").read_text(encoding="utf-8").partition("\nnav:")[2]
    pages = {path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md")}
    assert set(re.findall(r"[\w/-]+\.md", navigation)) == pages, "`make site` would fail"


def test_the_readme_stays_short() -> None:
    assert WRITTEN["README.md"].count("\n") <= 160, "move it to a page of docs/, and link it"


def _command_lines() -> Iterator[tuple[str, str, set[str]]]:
    """Each `aris COMMAND ...` in code, with the options in the same piece of code."""
    for page, text in WRITTEN.items():
        code = re.findall(r"`([^`\n]+)`", text)
        blocks = r"^```(?:sh|console)\n(.*?)^```$"
        for block in re.findall(blocks, text, flags=re.DOTALL | re.MULTILINE):
            code += [line.removeprefix("$ ").partition("#")[0] for line in block.splitlines()]
        for piece in code:
            if match := re.match(r"(?:[A-Z_]+=\S+ )*aris ([a-z]+)", piece.strip()):
                yield page, match[1], set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", piece))


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


def _variables_of_the_code() -> set[str]:
    sources = (REPOSITORY / "aris_pipeline").rglob("*.py")
    quoted = re.findall(rf'"({_VARIABLE})"', "\n".join(file.read_text() for file in sources))
    return {*quoted, *map(variable_of, judging_fields())} - _INTERNAL_VARIABLES


def test_every_table_has_its_folder_explained_and_its_columns_traced() -> None:
    explained = (REPOSITORY / "data/README.md").read_text()
    store, judge, shard = DataStore(Path()), Judge("r", "m"), Shard("b", "s000")
    for table in TABLES:
        folder = table.place(store, judge, shard).parts[0]
        assert f"`{folder}/`" in explained, f"data/README.md does not say what {folder}/ holds"
        if table.schema is not None and table.job is not None:
            assert lineage(table.name), f"defs/lineage.py does not say what {table.name} is made of"
