"""Describes the rows to generate: a batch's prompt lengths, or declared lengths."""

from dataclasses import dataclass

import polars as pl

from aris_pipeline.errors import ConfigError
from aris_pipeline.storage import Batch, DataStore, Judge, Shard, read_parquet

DEFAULT_PROMPT_TOKENS, DEFAULT_OUTPUT_TOKENS = 788, 305
"""Lengths of the rows with which the figures in README.md were measured."""

GIVEN = "as given"

_HINT = "materialize it again"


@dataclass(frozen=True)
class Workload:
    """The rows to generate, with their lengths in tokens.

    Attributes:
        rows: how many rows to generate.
        prompt_tokens: the mean tokens of a prompt.
        shared_tokens: the tokens at the prompts' common beginning, which the prefix cache has.
        output_tokens: the mean tokens of an answer.
        longest: tokens of the longest prompt; 0 if lengths are declared.
        sources: the sources of the figures.
    """

    rows: int
    prompt_tokens: float
    output_tokens: float
    sources: tuple[str, ...]
    shared_tokens: float = 0.0
    longest: int = 0

    @property
    def tokens_per_row(self) -> float:
        """Returns the tokens of prompt and answer together."""
        return self.prompt_tokens + self.output_tokens

    @property
    def tokens_held(self) -> float:
        """Returns the mean KV tokens of a row in flight: its prompt and half of its answer."""
        return self.prompt_tokens + self.output_tokens / 2

    @property
    def own_tokens_held(self) -> float:
        """Returns those of them that other rows do not hold too."""
        return self.tokens_held - self.shared_tokens


@dataclass(frozen=True)
class AnswerLength:
    """The mean tokens of an answer, and the source of that figure."""

    tokens: float = DEFAULT_OUTPUT_TOKENS
    source: str = "declared"

    @property
    def is_given(self) -> bool:
        """Returns whether the user has named it, so that it wins over what was measured."""
        return self.source == GIVEN

    def __str__(self) -> str:
        return f"{self.tokens:.0f} output tokens, {self.source}"


USUAL = AnswerLength()
"""Of an answer of which nothing is known."""


def declared(rows: int, answer: AnswerLength = USUAL) -> Workload:
    """Returns rows with prompts of the usual length."""
    source = f"lengths: {DEFAULT_PROMPT_TOKENS} prompt tokens, declared; {answer}"
    return Workload(rows, DEFAULT_PROMPT_TOKENS, answer.tokens, (source,))


def of_batch(
    store: DataStore,
    batch: Batch,
    model: str,
    answer: AnswerLength = USUAL,
    rows: int | None = None,
) -> Workload:
    """Returns the rows of a batch, by its prompts and, if it has some, its answers.

    Args:
        store: the store of the prompts.
        batch: the batch.
        model: the model whose prompts count; if it has none, those of another model.
        answer: the length of an answer, if the user gives it or the batch has no answers.
        rows: the number of such rows; by default that of the batch.

    Raises:
        ConfigError: the batch has no prompts yet.
    """
    judges = store.judges("prompts", batch.name)
    own = [judge for judge in judges if judge.model == model]
    if not judges:
        raise ConfigError(
            f"batch {batch.name} has no prompts yet: `aris run FILE --until prompts` makes them "
            "without loading a model"
        )
    judge = (own or judges)[-1]
    columns = ["error", "prompt_tokens", "static_prefix_tokens"]
    prompts = _read_all(store, "prompts", judge, batch, columns).filter(pl.col("error").is_null())
    if prompts.is_empty():
        raise ConfigError(f"batch {batch.name} has no prompt that can be asked")
    answers = _read_all(store, "completions", judge, batch, ["error_type", "output_tokens"]).filter(
        pl.col("error_type").is_null()
    )
    if answers.height and not answer.is_given:
        mean = answers.select(pl.col("output_tokens").mean()).item()
        answer = AnswerLength(mean, f"of its {answers.height:,} answers")
    mean, shared, half, most, longest = prompts.select(
        pl.col("prompt_tokens").mean(),
        pl.col("static_prefix_tokens").mean().alias("shared"),
        pl.col("prompt_tokens").median().alias("half"),
        pl.col("prompt_tokens").quantile(0.95).alias("most"),
        pl.col("prompt_tokens").max().alias("longest"),
    ).row(0)
    source = (
        f"lengths: {prompts.height:,} prompts of {batch.name} ({judge.rubric}, {judge.model}): "
        f"{mean:.0f} tokens, {shared or 0:.0f} of them in all prompts, median {half:.0f}, "
        f"95 % up to {most:.0f}, longest {longest}; {answer}"
    )
    return Workload(rows or prompts.height, mean, answer.tokens, (source,), shared or 0.0, longest)


def _read_all(
    store: DataStore, table: str, judge: Judge, batch: Batch, columns: list[str]
) -> pl.DataFrame:
    path_of = {"prompts": store.prompts, "completions": store.completions}[table]
    files = [file for shard in Shard.all_of(batch) if (file := path_of(judge, shard)).exists()]
    frames = [read_parquet(file, hint=_HINT, columns=columns) for file in files]
    empty = dict.fromkeys(columns, pl.Int64) | {columns[0]: pl.String}
    return pl.concat([pl.DataFrame(schema=empty), *frames], how="vertical_relaxed")
