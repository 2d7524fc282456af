"""What the rows are: the token histogram of a batch's prompts, or declared lengths."""

from dataclasses import dataclass

import polars as pl

from aris_pipeline.errors import ConfigError
from aris_pipeline.storage import Batch, DataStore, Judge, Shard, read_parquet

DEFAULT_PROMPT_TOKENS, DEFAULT_OUTPUT_TOKENS = 788, 305
"""Of the rows that the figures in README.md were measured with."""

_HINT = "materialize it again"


@dataclass(frozen=True)
class Workload:
    """Rows by their tokens.

    Attributes:
        rows: to be generated.
        prompt_tokens: mean of a prompt.
        shared_tokens: of those, at the prompts' common beginning: the prefix cache has them.
        output_tokens: mean of an answer.
        longest: tokens of the longest prompt; 0 if lengths are declared.
        sources: where the figures come from.
    """

    rows: int
    prompt_tokens: float
    output_tokens: float
    sources: tuple[str, ...]
    shared_tokens: float = 0.0
    longest: int = 0

    @property
    def tokens_per_row(self) -> float:
        """Prompt and answer."""
        return self.prompt_tokens + self.output_tokens

    @property
    def tokens_held(self) -> float:
        """KV tokens of a row in flight, on average: its prompt and half of its answer."""
        return self.prompt_tokens + self.output_tokens / 2


def declared(rows: int, output_tokens: float | None = None) -> Workload:
    """Rows of usual lengths; `output_tokens` where earlier runs tell of them."""
    said = "of earlier runs" if output_tokens else "declared"
    output = output_tokens or DEFAULT_OUTPUT_TOKENS
    source = f"lengths: {DEFAULT_PROMPT_TOKENS} prompt tokens declared, {output:.0f} output {said}"
    return Workload(rows, DEFAULT_PROMPT_TOKENS, output, (source,))


def of_batch(
    store: DataStore,
    batch: Batch,
    model: str,
    output_tokens: float | None = None,
    rows: int | None = None,
) -> Workload:
    """Returns the rows of a batch, by its prompts, and by its answers where it has some.

    Args:
        store: where the prompts lie.
        batch: which batch.
        model: whose prompts; those of another model where it has none.
        output_tokens: mean of an answer, from earlier runs; for a batch without answers.
        rows: how many of such rows; as many as the batch has by default.

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
    if answers.height:
        output = answers.select(pl.col("output_tokens").mean()).item()
        said = f"{output:.0f} output tokens, of its {answers.height:,} answers"
    else:
        output = output_tokens or DEFAULT_OUTPUT_TOKENS
        said = f"{output:.0f} output tokens, {'of earlier runs' if output_tokens else 'declared'}"
    mean, shared, half, most, longest = prompts.select(
        pl.col("prompt_tokens").mean(),
        pl.col("static_prefix_tokens").mean().alias("shared"),
        pl.col("prompt_tokens").median().alias("half"),
        pl.col("prompt_tokens").quantile(0.95).alias("most"),
        pl.col("prompt_tokens").max().alias("longest"),
    ).row(0)
    source = (
        f"lengths: {prompts.height:,} prompts of {batch.name} ({judge.rubric}, {judge.model}): "
        f"{mean:.0f} tokens, median {half:.0f}, 95 % up to {most:.0f}, longest {longest}; {said}"
    )
    return Workload(rows or prompts.height, mean, output, (source,), shared or 0.0, longest)


def _read_all(
    store: DataStore, table: str, judge: Judge, batch: Batch, columns: list[str]
) -> pl.DataFrame:
    path_of = {"prompts": store.prompts, "completions": store.completions}[table]
    files = [file for shard in Shard.all_of(batch) if (file := path_of(judge, shard)).exists()]
    frames = [read_parquet(file, hint=_HINT, columns=columns) for file in files]
    empty = dict.fromkeys(columns, pl.Int64) | {columns[0]: pl.String}
    return pl.concat([pl.DataFrame(schema=empty), *frames], how="vertical_relaxed")
