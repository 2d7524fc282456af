"""`aris audit`: is the judge fair, is it stable, and who decided what by which version."""

import typer

from aris_pipeline.cli.audit_log import log
from aris_pipeline.cli.impact import impact
from aris_pipeline.cli.judge_audits import probe, stability

app = typer.Typer(
    name="audit",
    help="Answer an auditor: is the judge fair, is it stable, who decided what by which version.",
    no_args_is_help=True,
)
app.command()(impact)
app.command()(log)
app.command()(probe)
app.command()(stability)
