"""Reads rubrics: the versioned YAML files by which candidates are judged.

A rubric holds content only. The answer's JSON schema (`answers`), the wording that asks for it
(`chat`) and the columns of the evaluations are derived from it, so that they cannot disagree.
"""

import difflib
import hashlib
import json
import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from aris_pipeline.errors import ConfigError
from aris_pipeline.prompts.settings import DEFAULT_MAX_TOKENS
from aris_pipeline.storage import Completions, Evaluations, Prompts

SHIPPED_RUBRICS = Path(__file__).parent / "rubrics"
PROFILE_SLOT = "{profile}"

_TO_START_FROM = "aris-swe-v2"
_RUBRIC_ID = re.compile(r"[a-z0-9][a-z0-9._-]*")
OPENAI = "openai"
"""Replaces a rubric's id for files that bring their own requests; never a rubric."""

DEFAULT_RUBRIC = "aris-swe-v1"
"""Judges where no rubric is named."""

_NO_ID = "'{}' is no id of a rubric: use small letters, digits, '.', '_' and '-'"

_RESERVED_NAMES = {
    *Prompts.column_names(), *Completions.column_names(), *Evaluations.column_names(),
    "recommendation", "overall", "overall_reason", "rank", "disagrees", "grounding",
    "grounded_elsewhere", "ungrounded", "contradictions", "answered", "answer_text", "cut",
    "rubric", "model", "batch", "shard",
}  # fmt: skip
"""Columns of the tables, and of those that evaluations are made of."""

_AS_JUDGED = {"judged": True}
"""Context of a rubric whose verdicts are there: names that were taken since do no harm any more."""

ProfileField = Literal[
    "facts", "title", "company", "location", "work_info", "education_info", "education_dates",
    "skills", "resume_text",
]  # fmt: skip
"""What a prompt may show of a candidate; `facts` are computed, `education_dates` tell the age."""

Detail = Literal[
    "names_in_text",
    "birth",
    "age",
    "address",
    "marital_status",
    "nationality",
    "pronouns",
    "papers",
]
"""Kinds of personal detail that are redacted besides given names, e-mail, phone and links."""

_FIELDS_AT_FIRST: tuple[ProfileField, ...] = tuple(
    name for name in get_args(ProfileField) if name != "facts"
)

_Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
_Option = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9 +/&-]*$")]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Criterion(_Part):
    """One thing to rate, with the guidance that the model reads."""

    name: _Name
    title: str
    guidance: str
    section: Literal["work_info", "education_info", "skills"] | None = Field(
        None, description="where the profile has its facts: if it is there, nothing is unknown"
    )


class Opening(_Part):
    """The job that candidates are judged for."""

    title: str
    must_haves: tuple[str, ...] = ()


class Contradiction(_Part):
    """Values of an answer that cannot all be true together."""

    name: _Name
    when: dict[str, tuple[str | bool, ...]] = Field(
        min_length=1, description="values by name of a rating, flag or recommendation"
    )


class Flag(_Part):
    """A yes-or-no question about the candidate."""

    name: _Name
    guidance: str


class Example(_Part):
    """A worked example. Small models copy it, so it is shown only on request."""

    profile: str
    answer: dict[str, Any]


class Rubric(_Part):
    """The rubric by which a candidate is judged. Equal content has an equal `digest`."""

    id: str
    title: str
    instructions: str
    criteria: tuple[Criterion, ...] = Field(min_length=1)
    ratings: tuple[_Option, ...] = Field(min_length=2, description="best to worst")
    recommendations: tuple[_Option, ...] = Field(min_length=2, description="best to worst")
    flags: tuple[Flag, ...] = ()
    user_turn: str = Field(
        f"Judge this candidate.\n{PROFILE_SLOT}", description="the user turn around the profile"
    )
    user_turns: tuple[str, ...] = Field(
        (), description="the user turn in other words, for `aris audit stability`; never in a run"
    )
    worst_first: bool = Field(
        default=False, description="the prompt lists the options from worst to best"
    )
    verdict_prefill: str = Field(
        "Recommendation:", description="start of an answer that a recommendation continues"
    )
    reason_chars: int = Field(ge=10)
    overall_reason_chars: int = Field(ge=10)
    max_tokens: int = Field(DEFAULT_MAX_TOKENS, ge=1)
    example: Example | None = None
    job: Opening | None = Field(None, description="the job to judge for, if it is one job")
    unknown: _Option | None = Field(
        None, description="rating for a fact that the profile does not have; outside the scale"
    )
    profile_fields: tuple[ProfileField, ...] = Field(
        _FIELDS_AT_FIRST, min_length=1, description="all that the prompt shows of a candidate"
    )
    redact: tuple[Detail, ...] = Field(
        (), description="kinds of personal detail to redact besides names, e-mail, phone and links"
    )
    evidence: bool = Field(
        default=False, description="the answer names lines of the profile before each reason"
    )
    answer_form: Literal["object", "array"] = Field(
        "object", description="array: the values alone, for half of the tokens"
    )
    contradictions: tuple[Contradiction, ...] = ()

    @property
    def digest(self) -> str:
        """Returns the hash of the rubric's content.

        Fields that came later count only if they are used, so that older rubrics keep their hash.
        `user_turns` never count: no verdict depends on them.
        """
        content = self.model_dump(mode="json", exclude={"user_turns"})
        for name in _LATER_FIELDS:
            if getattr(self, name) == type(self).model_fields[name].default:
                del content[name]
        for criterion in content["criteria"]:
            if criterion["section"] is None:
                del criterion["section"]
        text = json.dumps(content, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def rating_options(self) -> tuple[str, ...]:
        """Returns what a criterion may be rated, the unknown last."""
        return (*self.ratings, self.unknown) if self.unknown else self.ratings

    @property
    def probability_columns(self) -> tuple[str, ...]:
        """Returns the column of each recommendation's probability, such as p_strong_yes."""
        return tuple(f"p_{_slug(option)}" for option in self.recommendations)

    @field_validator("id")
    @classmethod
    def _can_be_an_id(cls, value: str) -> str:
        if not _is_id(value):
            raise ValueError(_NO_ID.format(value))
        return value

    @model_validator(mode="after")
    def _names_are_unambiguous(self, info: ValidationInfo) -> Self:
        parts = ("", "_reason", *(("_evidence", "_quote") if self.evidence else ()))
        names = [f"{c.name}{part}" for c in self.criteria for part in parts]
        names += [flag.name for flag in self.flags]
        for values in (names, self.rating_options, self.probability_columns):
            doubled = sorted({value for value in values if values.count(value) > 1})
            if doubled:
                raise ValueError(f"used more than once: {', '.join(doubled)}")
        reserved = sorted({*_RESERVED_NAMES, *self.probability_columns} & set(names))
        if reserved and not info.context:
            raise ValueError(f"these columns exist already: {', '.join(reserved)}")
        for field, turns in {"user_turn": (self.user_turn,), "user_turns": self.user_turns}.items():
            if any(turn.count(PROFILE_SLOT) != 1 for turn in turns):
                raise ValueError(f"{field} must contain {PROFILE_SLOT} exactly once")
        return self

    @model_validator(mode="after")
    def _contradictions_can_be(self) -> Self:
        options: dict[str, set[str | bool]] = {
            c.name: {*self.rating_options} for c in self.criteria
        }
        options |= {flag.name: {True, False} for flag in self.flags}
        options["recommendation"] = {*self.recommendations}
        for contradiction in self.contradictions:
            for name, values in contradiction.when.items():
                if not options.get(name, set()).issuperset(values):
                    known = ", ".join(map(str, sorted(options.get(name, options), key=str)))
                    raise ValueError(
                        f"contradiction {contradiction.name}: {name} is never"
                        f" {' or '.join(map(str, values))}; known: {known}"
                    )
        return self


_LATER_FIELDS = (
    "job", "unknown", "profile_fields", "redact", "evidence", "answer_form", "contradictions",
    "worst_first",
)  # fmt: skip


class _Yaml12Loader(yaml.SafeLoader):
    """A loader that reads Yes and No as words, and takes no key twice; YAML 1.1 does otherwise."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value]
        for key, _ in node.value:
            if keys.count(key.value) > 1:
                raise yaml.YAMLError(f"'{key.value}' stands twice (line {key.start_mark.line + 1})")
        return super().construct_mapping(node, deep)


_Yaml12Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:bool"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Yaml12Loader.add_implicit_resolver(
    "tag:yaml.org,2002:bool", re.compile(r"^(?:true|false)$"), list("tf")
)


def load_rubric(rubric_id: str, rubrics_dir: Path | None = None) -> Rubric:
    """Loads `<rubric_id>.yaml` from the user's directory or, failing that, a shipped one.

    Raises:
        ConfigError: there is no such rubric, or the file is not one; the message names the file and
            the field.
    """
    directories = [folder for folder in (rubrics_dir, SHIPPED_RUBRICS) if folder is not None]
    if _is_id(rubric_id):
        for folder in directories:
            if (file := folder / f"{rubric_id}.yaml").is_file():
                return read_rubric(file)
    known = sorted({file.stem for folder in directories for file in folder.glob("*.yaml")})
    raise ConfigError(
        f"no rubric '{rubric_id}'{_nearest(rubric_id, known)}; known: {', '.join(known)}"
        f" (looked in {', '.join(str(folder) for folder in directories)})"
    )


def _is_id(text: str) -> bool:
    return bool(_RUBRIC_ID.fullmatch(text)) and text != OPENAI


def rubric_as_judged(written: str) -> Rubric:
    """Returns the rubric that verdicts were made by, from its JSON text beside them.

    Raises:
        ValidationError: this version cannot use it.
    """
    return Rubric.model_validate_json(written, context=_AS_JUDGED)


def new_rubric(rubric_id: str) -> str:
    """Returns the YAML text of a rubric to start from.

    Raises:
        ConfigError: the id cannot be one.
    """
    if not _is_id(rubric_id):
        raise ConfigError(_NO_ID.format(rubric_id))
    if (SHIPPED_RUBRICS / f"{rubric_id}.yaml").exists():
        raise ConfigError(f"'{rubric_id}' is a shipped rubric: choose another id")
    text = (SHIPPED_RUBRICS / f"{_TO_START_FROM}.yaml").read_text(encoding="utf-8")
    return text.replace(f"id: {_TO_START_FROM}\n", f"id: {rubric_id}\n")


def read_rubric(file: Path) -> Rubric:
    """Reads a rubric's file.

    Raises:
        ConfigError: it is not one; names file and field.
    """
    if file.is_dir():
        raise ConfigError(f"{file} is a directory: name a rubric's file in it")
    if not file.is_file():
        raise ConfigError(f"{file} is not there: `aris rubric new ID` writes one to start from")
    if file.suffix != ".yaml":
        raise ConfigError(f"{file}: the name of a rubric's file is its id and .yaml")
    try:
        content = yaml.load(file.read_text(encoding="utf-8"), Loader=_Yaml12Loader)  # noqa: S506
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"rubric {file} is not readable YAML: {error}") from error
    try:
        rubric = Rubric.model_validate(content)
    except ValidationError as error:
        raise ConfigError(f"rubric {file}: {_explain(error)}") from error
    if rubric.id != file.stem:
        raise ConfigError(
            f"rubric {file}: id is '{rubric.id}' but the file name says '{file.stem}'"
        )
    return rubric


def _explain(error: ValidationError) -> str:
    problems = []
    for problem in error.errors(include_url=False):
        # People count from 1.
        parts_of_path = (part + 1 if isinstance(part, int) else part for part in problem["loc"])
        field = ".".join(map(str, parts_of_path))
        hint = ""
        if problem["type"] == "extra_forbidden":
            parts = (Rubric, Criterion, Flag, Opening, Contradiction)
            known = {field for part in parts for field in part.model_fields}
            hint = _nearest(str(problem["loc"][-1]), sorted(known))
        said = problem["msg"].removeprefix("Value error, ")
        problems.append(f"{field}: {said}{hint}" if problem["loc"] else said)
    return "; ".join(problems)


def _nearest(word: str, known: list[str]) -> str:
    near = difflib.get_close_matches(word, known, n=1)
    return f", did you mean '{near[0]}'?" if near else ""


def _slug(option: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", option.lower()).strip("_")
