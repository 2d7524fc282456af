"""Puts the definitions together: whatever Dagster finds in the files of this folder."""

import functools
import os
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_shared.record import replace

from aris_pipeline import defs
from aris_pipeline.defs.descriptions import with_code_references
from aris_pipeline.defs.resources import EngineResource


def build_definitions(*, engine: EngineResource | None = None) -> dg.Definitions:
    """Returns the code location.

    Args:
        engine: in place of the vLLM engine; for tests.
    """
    found = _found_in_the_folder()
    # An asset that another file imports is found in both.
    assets: list[Any] = list({id(asset): asset for asset in found.assets or []}.values())
    return replace(
        found,
        assets=with_code_references(assets, git_url=os.environ.get("ARIS_GIT_URL")),
        resources={**(found.resources or {}), **({"engine": engine} if engine else {})},
    )


@functools.cache
def _found_in_the_folder() -> dg.Definitions:
    """Loads what `dg.load_from_defs_folder` would, which wants a pyproject.toml: a wheel has none.

    Once a process, because Dagster imports all plug-ins of `dg` for it: half a second.
    """
    folder = Path(next(iter(defs.__path__)))
    return dg.ComponentTree.from_module(defs, project_root=folder.parents[1]).build_defs()
