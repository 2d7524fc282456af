"""Explains one candidate's verdict in plain words, for the person who asks why.

It holds data of this candidate alone. People who labeled are not named; who decided is.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from aris_pipeline.audit import VERDICT, is_as_logged, log_entries
from aris_pipeline.errors import ConfigError
from aris_pipeline.evaluations import (
    TRIAGED,
    Cut,
    contradiction_in_words,
    review_in_words,
)
from aris_pipeline.labels import RECOMMENDATION, decisions_on, newest_labels
from aris_pipeline.ledger import Why, explain
from aris_pipeline.ledger.candidate import find_quarantined, find_row
from aris_pipeline.ledger.why import place_of
from aris_pipeline.models import EMBEDDED_REVISION
from aris_pipeline.prompts import shown_profile
from aris_pipeline.reports.method import REDACTION
from aris_pipeline.reports.remedies import FAILED, UNKNOWN
from aris_pipeline.storage import Batch, DataStore, Judge, Shard

_KINDS = {
    "email": "e-mail addresses",
    "phone": "phone numbers",
    "link": "links",
    "name": "names",
    "papers": "numbers of papers",
    "birth": "birth",
    "age": "age",
    "address": "addresses",
    "family": "family",
    "nationality": "nationality",
    "gender": "words of gender",
}
_NOT = (
    "It is not a decision: a computer program has read a text and written an opinion. What people "
    "decided stands above, if it was recorded. Ask the organization who decides, and how.",
    "It is not a statement about you as a person. The program knows only the text above, and "
    "nobody has checked whether the text is true.",
    "The reasons are what the program wrote with its ratings. They do not show how it came to "
    "them inside, and they can be wrong.",
    "It is not legal advice. If you think that it is wrong, ask the organization for a review by "
    "a person.",
)
_NOT_WITHOUT_VERDICT = _NOT[-1:]


@dataclass(frozen=True)
class Part:
    """A part of an explanation.

    Attributes:
        id: its name in links.
        title: its heading.
        words: paragraphs.
        facts: names with what is said of them, maybe in several lines.
        quote: a text as the model saw it; empty for none.
    """

    id: str
    title: str
    words: Sequence[str] = ()
    facts: Sequence[tuple[str, str]] = ()
    quote: str = ""


@dataclass(frozen=True)
class Explanation:
    """All that is said to a candidate about a verdict."""

    custom_id: str
    batch: str
    judge: Judge
    parts: Sequence[Part]

    def as_dict(self) -> dict[str, Any]:
        """Returns it for JSON."""
        parts = [vars(part) | {"facts": dict(part.facts)} for part in self.parts]
        return {
            "custom_id": self.custom_id,
            "batch": self.batch,
            **vars(self.judge),
            "parts": parts,
        }


def explanation_of(  # noqa: PLR0913 - one argument an option of the command
    store: DataStore,
    batch: Batch,
    judge: Judge,
    custom_id: str,
    *,
    recipients: str = "",
    kept: str = "",
) -> Explanation:
    """Explains the verdict of one candidate, or why a record in quarantine has none.

    Args:
        store: the store of the tables.
        batch: with the candidate.
        judge: whose verdict it is.
        custom_id: of the candidate.
        recipients: what the deployer says of who receives the data.
        kept: what the deployer says of how long they are kept.

    Raises:
        ConfigError: the candidate has no verdict of this judge yet, or is not in the batch.
        DamagedDataError: a file is damaged.
    """
    handling = [*_handling(recipients, kept)]
    try:
        why = explain(store, batch, judge, custom_id)
    except ConfigError:
        unusable = find_quarantined(store, batch, custom_id)
        if unusable is None:
            raise
        parts = [
            *_unusable(batch, unusable),
            _people(store, batch, custom_id),
            *handling,
            Part("not", "What this is not", _NOT_WITHOUT_VERDICT),
        ]
        return Explanation(custom_id, batch.name, judge, parts)
    shard = _shard_of(store, batch, judge, custom_id)
    prompt = find_row(store.prompts(judge, shard), custom_id) or {}
    if prompt.get("request_key") != why.verdict["request_key"]:
        prompt = {}
    source = find_row(store.raw_candidates(shard), custom_id) or {}
    answer = find_row(store.completions(judge, shard), custom_id) or {}
    entries = log_entries(store, judge, batch.name, custom_id=custom_id)
    parts = [
        _verdict(why),
        _data(why, prompt, source),
        _redacted(why, prompt),
        *([Part("criteria", "How you were rated", facts=[*_criteria(why)])] if _rated(why) else []),
        Part("score", "The score", [*_score(why)]),
        Part("checks", "What was checked, and why a person should look", facts=[*_checks(why)]),
        _people(store, batch, custom_id),
        Part("versions", "Versions and dates", facts=[*_versions(why, batch, answer, entries)]),
        _log(entries),
        *handling,
        Part("not", "What this is not", _NOT),
    ]
    return Explanation(custom_id, batch.name, judge, parts)


def _unusable(batch: Batch, row: Mapping[str, Any]) -> Iterator[Part]:
    """Yields why a record in quarantine was not judged, and what is kept of it."""
    words = [
        "There is no verdict about you: your record in the file could not be used, so no program "
        "has read it and nobody was compared with you. Ask the organization to correct it."
    ]
    facts = [("What was wrong", row["message"]), ("Rule", row["rule"])]
    yield Part("verdict", "The verdict", words, facts)
    place = place_of(batch, row["file"], row["line"])
    yield Part("used", "The data that are kept", [f"This is {place}:"], quote=row["raw"])


def _shard_of(store: DataStore, batch: Batch, judge: Judge, custom_id: str) -> Shard:
    return next(
        shard
        for shard in Shard.all_of(batch)
        if find_row(store.evaluations(judge, shard), custom_id)
    )


def _rated(why: Why) -> bool:
    return bool(why.verdict["is_valid"])


def _verdict(why: Why) -> Part:
    row, rubric = why.verdict, why.rubric
    if not _rated(why):
        meaning, _remedy = FAILED.get(row["invalid_reason"], UNKNOWN)
        words = [f"There is no verdict about you: {meaning}."]
        if row["invalid_reason"] == TRIAGED:
            words = [
                "There is no verdict about you: the program gave you a score only, and answered "
                "in full mostly for candidates with a higher score."
            ]
        return Part("verdict", "The verdict", words)
    scale = ", ".join(rubric.recommendations)
    advances = row["recommendation"] in Cut.of(rubric).advancing
    place = f"Rank {why.rank:,} of {why.ranked:,} candidates." if why.rank else "Not ranked."
    words = [
        f"The recommendation is {row['recommendation']}, on the scale {scale}. It "
        f"{'is' if advances else 'is not'} one of those that recommend to go on with a candidate. "
        f"{place}"
    ]
    if EMBEDDED_REVISION in row["model_revision"]:
        words.append("It is by a model for demonstrations, and means nothing.")
    return Part("verdict", "The verdict", words, [("Reason", row["overall_reason"])])


def _data(why: Why, prompt: Mapping[str, Any], source: Mapping[str, Any]) -> Part:
    words = [f"The data come from {why.place}."]
    profile = shown_profile(prompt["messages"]) if prompt else ""
    if profile:
        words.append("The program saw this text, and nothing else about you:")
    else:
        words.append(
            "The text that the program saw is not kept any more, or has been written anew since."
        )
    if why.verdict["shortened"]:
        words.append("It did not see all of it: the middle was cut out, because it was too long.")
    unused = sorted(json.loads(source.get("extra") or "{}"))
    name = "Fields of the file that it did not see, or not in full"
    facts = [(name, ", ".join(unused))] if unused else []
    return Part("used", "The data that were used", words, facts, profile)


def _redacted(why: Why, prompt: Mapping[str, Any]) -> Part:
    how = REDACTION[prompt.get("redaction") or why.verdict.get("redaction")]
    counted = json.loads(prompt.get("redacted") or "{}")
    facts = [
        (_KINDS.get(kind, kind).capitalize(), f"replaced {count:,} time{'' if count == 1 else 's'}")
        for kind, count in counted.items()
    ]
    words = [f"{how[0].upper()}{how[1:]}."]
    if not facts and how != REDACTION["none"]:
        words.append("Nothing in the text was found that had to be replaced.")
    return Part("redacted", "What was kept out", words, facts)


def _criteria(why: Why) -> Iterator[tuple[str, str]]:
    row, rubric = why.verdict, why.rubric
    for criterion in rubric.criteria:
        lines = [
            f"The program was asked: {criterion.guidance}",
            f"Reason: {row[f'{criterion.name}_reason']}",
        ]
        if rubric.evidence:
            quote = row[f"{criterion.name}_quote"]
            lines += (
                [f'Evidence: "{quote}"']
                if quote
                else ["Evidence: none of the text's lines was named"]
            )
        yield f"{criterion.title}: {row[criterion.name]}", "\n".join(lines)
    for flag in rubric.flags:
        title = flag.name.replace("_", " ").capitalize()
        answer = "yes" if row[flag.name] else "no"
        yield f"{title}: {answer}", f"The program was asked: {flag.guidance}"


def _score(why: Why) -> Iterator[str]:
    row, rubric = why.verdict, why.rubric
    best = len(rubric.recommendations) - 1
    if row["score"] is None:
        yield "There is no score: the program did not say how likely it finds each recommendation."
        return
    yield f"The score is {row['score']:.2f}, from 0 (worst) to {best} (best)."
    chances = zip(rubric.recommendations, rubric.probability_columns, strict=True)
    listed = [f"{option} {row[name]:.1%}" for option, name in chances if row[name] is not None]
    yield (
        f"The program was asked how likely it finds each recommendation: {', '.join(listed)}. The "
        "score is the mean of the scale, each step weighted by its probability. The program also "
        "answered for an empty text, and these percentages are corrected by that answer."
    )


def _checks(why: Why) -> Iterator[tuple[str, str]]:
    row, rubric = why.verdict, why.rubric
    if _rated(why) and rubric.evidence:
        missing = ", ".join(row["ungrounded"] or ())
        grounding = {
            "grounded": "all names, years and figures of the reasons are in the text",
            "ungrounded": f"the text does not have what the reasons name: {missing}",
        }.get(row["grounding"], "the reasons name no name, year or figure to look for")
        yield "Reasons compared with the text", grounding
        found = [contradiction_in_words(one, row, rubric) for one in row["contradictions"] or ()]
        yield "Contradictions", "\n".join(found) or "none found"
    elif _rated(why):
        yield "Reasons compared with the text", "no: these criteria ask for no evidence"
    reasons = [f"{short}: {full}" for short, full in review_in_words(row, rubric)]
    looked = not _rated(why) or row.get("review_reasons") is not None
    none = "no reason was found" if looked else "not known: the program did not look for any then"
    yield "Why a person should look", "\n".join(reasons) or none


def _people(store: DataStore, batch: Batch, custom_id: str) -> Part:
    facts = []
    for one in decisions_on(store, batch, custom_id):
        said = [one["decision"], *([f"Reason: {one['reason']}"] if one["reason"] else [])]
        facts.append((f"{one['decided_by']}, {one['decided_at']:%Y-%m-%d}", "\n".join(said)))
    labels = newest_labels(store, batch.name).filter(pl.col("custom_id") == custom_id)
    for row in labels.iter_rows(named=True):
        what = "recommendation" if row["criterion"] == RECOMMENDATION else row["criterion"]
        when = f"{row['labelled_at']:%Y-%m-%d}"
        facts.append((f"A person's label, {when}", f"{what}: {row['label']}"))
    words = [] if facts else ["No decision of a person is recorded here."]
    return Part("people", "What people decided", words, facts)


def _handling(recipients: str, kept: str) -> Iterator[Part]:
    given = {"Who receives them": recipients.strip(), "How long they are kept": kept.strip()}
    if facts := [(name, text) for name, text in given.items() if text]:
        yield Part("handling", "Who receives your data, and how long they are kept", facts=facts)


def _versions(
    why: Why, batch: Batch, answer: Mapping[str, Any], entries: Sequence[Mapping[str, Any]]
) -> Iterator[tuple[str, str]]:
    row = why.verdict
    yield "Model", f"{row['model_id']}, revision {row['model_revision']}"
    yield "Criteria", f"{why.rubric.id}: {why.rubric.title}, digest {row['rubric_digest']}"
    yield "Engine", row["engine"]
    if entries:
        yield "Code", f"aris_pipeline {entries[-1]['code_version']}"
    yield "File landed", f"{batch.landed_at:%Y-%m-%d}"
    yield "Years were counted up to", f"{batch.as_of:%Y-%m-%d}"
    if answer.get("request_key") == row["request_key"]:
        yield "Answered", f"{answer['completed_at']:%Y-%m-%d %H:%M} UTC"
    if why.attempt:
        steps = f", repaired ({', '.join(why.repairs)})" if why.repairs else ""
        yield "Attempt", f"{why.attempt}{steps}"
    yield "Run", row["run_id"] or "none"
    yield "Request", row["request_key"]


def _log(entries: Sequence[Mapping[str, Any]]) -> Part:
    title = "Every verdict that there was"
    if not entries:
        return Part("log", title, ["The log has no entry about you."])
    facts = [
        (
            f"{one['logged_at']:%Y-%m-%d %H:%M} UTC, entry {one['sequence']:,}",
            "\n".join(
                [
                    ", ".join(filter(None, [one["status"], one["recommendation"], _of(one)])),
                    f"model revision {one['model_revision']}, code {one['code_version']}",
                    f"hash {one['hash']}",
                ]
            ),
        )
        for one in entries
        if one["kind"] == VERDICT
    ]
    words = ["The log is only added to. The hashes show if anybody changes it."]
    if not all(map(is_as_logged, entries)):
        words.append("The hashes do not fit: somebody has changed what the log says here.")
    return Part("log", title, words, facts)


def _of(entry: Mapping[str, Any]) -> str:
    return "" if entry["score"] is None else f"score {entry['score']:.2f}"
