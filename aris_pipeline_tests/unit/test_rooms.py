"""One folder is one room, and no room imports one that imports it."""

import ast
from collections import defaultdict
from graphlib import TopologicalSorter
from pathlib import Path

import aris_pipeline

PACKAGE = Path(aris_pipeline.__file__).parent


def test_no_room_imports_one_that_stands_on_it() -> None:
    imports = defaultdict[str, set[str]](set)
    for file in PACKAGE.rglob("*.py"):
        room = file.relative_to(PACKAGE).parts[0].removesuffix(".py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and str(node.module).startswith("aris_pipeline."):
                imports[room].add(str(node.module).split(".")[1])
        imports[room].discard(room)

    in_order = list(TopologicalSorter(imports).static_order())

    assert in_order.index("storage") < in_order.index("completions") < in_order.index("defs")
