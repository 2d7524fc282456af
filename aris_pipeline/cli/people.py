"""Shows what people said and decided."""

from datetime import datetime
from typing import Any

from aris_pipeline.cli import console
from aris_pipeline.cli.plain import one_line
from aris_pipeline.labels import Imported


def show_decisions(decisions: list[dict[str, Any]]) -> None:
    """Shows what people decided about a candidate, under its verdict."""
    for one in decisions:
        reason = f": {one_line(one['reason'])}" if one["reason"] else ""
        who = f"{one_line(one['decided_by'])} on {one['decided_at']:%Y-%m-%d}"
        console.say(f"Decided         {one['decision']}, by {who}{reason}")


def times_as_text(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Returns rows with times as text, for JSON."""
    return [
        {name: str(value) if isinstance(value, datetime) else value for name, value in row.items()}
        for row in rows
    ]


def show_import(found: Imported, what: str) -> None:
    """Shows what became of an imported file; each refused cell with its remedy."""
    console.say(
        f"{found.kept:,} {what} added, {found.known:,} known already, {found.empty:,} cells empty"
    )
    for one in found.refused:
        console.complain(str(one))
