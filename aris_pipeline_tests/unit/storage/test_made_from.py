"""Files are made again where code has changed that decides their content, and nowhere else."""

import ast
from importlib import resources
from pathlib import Path

import pytest

from aris_pipeline.storage import CODE_OF_CANDIDATES, CODE_OF_PROMPTS, origin_of

PACKAGE = Path(str(resources.files("aris_pipeline")))


def imported_by(module: str) -> set[str]:
    """The files of the package that a module imports, directly or by others."""
    found: set[str] = set()
    left = [module]
    while left:
        path = PACKAGE / Path(*left.pop().split("."))
        file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        name = file.relative_to(PACKAGE).as_posix()
        if name in found or not file.exists():
            continue
        found.add(name)
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(
                "aris_pipeline."
            ):
                inner = str(node.module).removeprefix("aris_pipeline.")
                left += [inner, *(f"{inner}.{one.name}" for one in node.names)]
    return found


@pytest.mark.parametrize(
    ("module", "code"),
    [
        ("candidates.validation", CODE_OF_CANDIDATES),
        ("prompts.rendering", CODE_OF_PROMPTS),
    ],
)
def test_all_code_that_decides_a_table_counts(module: str, code: tuple[str, ...]) -> None:
    rooms = tuple(name if name.endswith(".py") else f"{name}/" for name in code)
    strange = {file for file in imported_by(module) if not file.startswith(rooms)}
    assert strange == set()


def test_other_code_and_other_content_have_another_origin() -> None:
    assert origin_of(CODE_OF_PROMPTS, "a") == origin_of(CODE_OF_PROMPTS, "a")
    assert origin_of(CODE_OF_PROMPTS, "a") != origin_of(CODE_OF_PROMPTS, "b")
    assert origin_of(CODE_OF_PROMPTS, "a") != origin_of(CODE_OF_CANDIDATES, "a")
