"""Writes the pages of batches anew when an erasure has removed them."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from aris_pipeline.erasure import PAGES
from aris_pipeline.errors import ArisError
from aris_pipeline.reports import write_page
from aris_pipeline.storage import DataStore, Judge


def write_pages_anew(store: DataStore, removed: Sequence[Path]) -> None:
    """Writes those of the removed files that are pages of `aris report`, as far as rows are left.

    Args:
        store: the store of the tables.
        removed: the files that an erasure has removed.
    """
    for page in removed:
        if page.name in PAGES and page.parent.name.startswith("batch="):
            rubric, model, batch = (part.partition("=")[2] for part in page.parts[-4:-1])
            with suppress(ArisError):
                named = page.name == PAGES[1]
                write_page(store, Judge(rubric, model), store.batch(batch), names=named)
