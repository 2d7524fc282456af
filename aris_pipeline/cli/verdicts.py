"""Lays verdicts out for a terminal: a ranking with its reasons, and one candidate in full."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from aris_pipeline.cli.plain import one_line, plain
from aris_pipeline.evaluations import TRIAGED, contradiction_in_words, review_in_words
from aris_pipeline.ledger import Why
from aris_pipeline.prompts import Criterion, Rubric
from aris_pipeline.reports.remedies import FAILED, UNKNOWN

Row = Mapping[str, Any]

_WIDE = 140
"""From this width on, evidence has a column of its own."""

_INDENT = 6
_LABEL = 14
_LONGEST_TITLE = 18

_REDACTION = {
    "fields": "names came from fields of their own and were redacted",
    "patterns": "names were only looked for in the text, so that some may be left",
    "none": "nothing was redacted",
}
_REPAIRS = {
    "longer": "with more room",
    "reseeded": "with another seed",
    "shortened": "with a shorter profile",
}


def ranking_layout(
    rows: Sequence[Row], rubric: Rubric, width: int, *, reasons: bool
) -> Iterator[RenderableType]:
    """Returns ranked candidates, each with its reasons and their evidence under it.

    Args:
        rows: of `candidate_ranking`.
        rubric: by which they were judged.
        width: of the terminal.
        reasons: whether each criterion is shown, not only the overall reason.
    """
    numbers = max((len(f"{row['rank']:,}") for row in rows), default=1)
    for row in rows:
        head = Text(f"{row['rank']:>{numbers},}".rjust(_INDENT - 2) + "  ")
        head.append(one_line(row["custom_id"]), style="bold")
        head.append(f"  {row['recommendation']}", style="bold")
        head.append(f"  {_score(row, rubric)}")
        if row.get("p_human_yes") is not None:
            head.append(f", people advance {row['p_human_yes']:.0%}")
        under: list[RenderableType] = [Text(one_line(row["overall_reason"]))]
        for short, full in review_in_words(row, rubric):
            under.append(Text(f"! {short}: {one_line(full)}", style="yellow"))
        if reasons:
            under.append(_criteria(row, rubric, width))
        below = (0, 0, int(reasons), _INDENT)
        yield Group(head, Padding(Group(*under), below, expand=_beside(rubric, width)))


def why_layout(why: Why, width: int) -> Iterator[RenderableType]:
    """Returns all that one verdict rests on, in words."""
    row, rubric = why.verdict, why.rubric
    yield Text.assemble(
        (one_line(row["custom_id"]), "bold"),
        f", {one_line(why.place)}\nin batch {why.batch}, judged by {why.judge.rubric} and "
        f"{why.judge.model}\n",
    )
    yield _labeled(_verdict(why))
    if row["is_valid"]:
        yield Text()
        yield _criteria(row, rubric, width)
        yield Text()
        yield _labeled([*_checks(row, rubric), *_facts(row)])
    yield Text()
    yield _labeled(_origin(why))


def _criteria(row: Row, rubric: Rubric, width: int) -> Table:
    beside = _beside(rubric, width)
    # Columns of a share line up from one candidate to the next; they fill the terminal's width.
    grid = Table.grid(padding=(0, 2, 0, 0), expand=beside)
    titles = [one_line(criterion.title) for criterion in rubric.criteria]
    grid.add_column(width=min(max(map(len, titles)), _LONGEST_TITLE), overflow="fold")
    grid.add_column(width=max(map(len, rubric.rating_options)))
    for _ in range(1 + beside):
        grid.add_column(ratio=1 if beside else None, overflow="fold")
    for criterion, title in zip(rubric.criteria, titles, strict=True):
        said = [Text(one_line(row[f"{criterion.name}_reason"]))]
        if rubric.evidence:
            said.append(_evidence(row, criterion))
        cells = said if beside else [Text("\n").join(said)]
        grid.add_row(Text(title), Text(str(row[criterion.name])), *cells)
    return grid


def _beside(rubric: Rubric, width: int) -> bool:
    return rubric.evidence and width >= _WIDE


def _evidence(row: Row, criterion: Criterion) -> Text:
    lines = one_line(row[f"{criterion.name}_evidence"])
    quote = row[f"{criterion.name}_quote"]
    if quote:
        quoted = "\n".join(f'"{one_line(line)}"' for line in quote.split("\n"))
        return Text(f"{lines}: {quoted}", style="italic")
    missing = "no evidence" if lines == "-" else f"{lines}: the profile has no such line"
    return Text(missing, style="italic")


def _score(row: Row, rubric: Rubric) -> str:
    if row["score"] is None:
        return "no score"
    best = len(rubric.recommendations) - 1
    return f"score {row['score']:.2f} of {best}, confidence {row['confidence']:.0%}"


def _verdict(why: Why) -> Iterator[tuple[str, str]]:
    row, rubric = why.verdict, why.rubric
    if row["is_valid"]:
        place = f", rank {why.rank:,} of {why.ranked:,}" if why.rank else ", not ranked"
        yield "Verdict", f"{row['recommendation']}{place}\n{one_line(row['overall_reason'])}"
    else:
        meaning, remedy = FAILED.get(row["invalid_reason"], UNKNOWN)
        detail = one_line(row["invalid_detail"] or meaning)
        yield "Verdict", f"none: {row['invalid_reason']}\n{detail}"
        if row["invalid_reason"] != TRIAGED:
            yield "Remedy", remedy
    yield "Score", _score(row, rubric).removeprefix("score ")
    if row["score"] is not None:
        likeliest, verdict = row["score_recommendation"], row["recommendation"]
        if verdict and likeliest != verdict:
            yield "", f"The likeliest verdict is {likeliest}: answer and probabilities disagree."
        chances = zip(rubric.recommendations, rubric.probability_columns, strict=True)
        yield "Probabilities", ", ".join(f"{option} {row[name]:.0%}" for option, name in chances)
    flags = {flag.name.replace("_", " "): row[flag.name] for flag in rubric.flags}
    said = [f"{name}: {'yes' if holds else 'no'}" for name, holds in flags.items()]
    if row["is_valid"] and said:
        yield "Flags", "\n".join(said)


def _checks(row: Row, rubric: Rubric) -> Iterator[tuple[str, str]]:
    if not rubric.evidence:
        yield "Checks", f"none: {rubric.id} asks for no evidence that could be checked"
        return
    names = ", ".join(map(one_line, row["ungrounded"] or ()))
    yield (
        "Grounding",
        {
            "grounded": "the profile has all names, years and figures that the reasons name",
            "ungrounded": f"the profile does not have what the reasons name: {names}",
            "nothing_to_check": "the reasons name no name, year or figure that could be checked",
        }.get(row["grounding"], "not checked"),
    )
    found = [contradiction_in_words(one, row, rubric) for one in row["contradictions"] or ()]
    yield "Contradictions", "\n".join(map(one_line, found)) or "none found"


def _facts(row: Row) -> Iterator[tuple[str, str]]:
    if row.get("jobs") is None:
        return
    years = row["years_experience"]
    parts = [f"{row['jobs']} job{'' if row['jobs'] == 1 else 's'}"]
    if years is None:
        parts.append("no dates to compute years from")
    else:
        parts += [
            f"{years:.1f} years of work",
            f"{row['years_latest_job']:.1f} in the latest job",
            f"{row['gap_years']:.1f} between jobs",
        ]
    yield "Facts", ", ".join(parts)


def _origin(why: Why) -> Iterator[tuple[str, str]]:
    row = why.verdict
    shown = "was shortened to fit the context" if row["shortened"] else "was shown whole"
    redacted = _REDACTION.get(row.get("redaction") or "")
    yield "Profile", f"{shown}; {redacted}" if redacted else shown
    yield (
        "Instructions",
        "the profile seems to give the model orders"
        if row["suspected_instructions"]
        else "none suspected in the profile",
    )
    if why.attempt and row["invalid_reason"] != TRIAGED:
        steps = ", ".join(_REPAIRS[step] for step in why.repairs)
        repaired = "repaired: " if row["is_valid"] else ""
        how = f"{repaired}asked again {steps}" if steps else "not repaired"
        yield "Answer", f"attempt {why.attempt}, {how}"
    yield "Model", one_line(f"{row['model_id']}, revision {row['model_revision']}")
    yield "Rubric", one_line(f"{row['rubric_id']}, digest {row['rubric_digest']}")
    yield "Engine", one_line(row["engine"])
    yield "Run", one_line(row["run_id"] or "none")
    yield "Request", row["request_key"]


def _labeled(parts: Iterable[tuple[str, str]]) -> Table:
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(width=_LABEL)
    grid.add_column(overflow="fold")
    for label, text in parts:
        grid.add_row(Text(label, style="bold"), Text(plain(text)))
    return grid
