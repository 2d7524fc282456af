"""`aris audit`: is the judge fair, is it stable, and who decided what by which version."""

import typer

from aris_pipeline.cli.audit_log import log

app = typer.Typer(
    name="audit",
    help="Answer an auditor: is the judge fair, is it stable, who decided what by which version.",
    no_args_is_help=True,
)


@app.callback()
def _group() -> None:
    """Keeps this a group, also while it has one command."""


app.command()(log)
