"""What all arms are asked: the same rendered token ids, from a file or of a declared shape."""

import hashlib
import json
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from aris_pipeline.candidates import LandingOptions, land_file, validate_shard
from aris_pipeline.engines import Request, Sampling
from aris_pipeline.errors import ConfigError, InputError
from aris_pipeline.judging import JudgingSettings
from aris_pipeline.models import ModelCard, load_tokenizer
from aris_pipeline.prompts import sampling_of, template_options_of
from aris_pipeline.storage import DataStore, Shard

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_WORD = re.compile("[a-z]{2,}")
_WORDS = 2_000


@dataclass(frozen=True)
class Workload:
    """Requests that every arm answers, with what they are called.

    Attributes:
        name: in words.
        digest: of what is asked before it is rendered, so equal for all models.
        requests: named by `custom_id`, without duplicates of ids; rendered for one model.
        fixed_lengths: whether every answer has exactly `max_tokens` tokens.
    """

    name: str
    digest: str
    requests: tuple[Request, ...]
    fixed_lengths: bool = False

    @property
    def schema_on(self) -> bool:
        """Whether answers must follow a JSON schema."""
        return any(request.response_schema for request in self.requests)

    @property
    def temperature(self) -> float | None:
        """The one temperature of all requests; None where they differ."""
        found = {request.sampling.temperature for request in self.requests}
        return found.pop() if len(found) == 1 else None

    def asked_again(self, times: int) -> "Workload":
        """Returns the same with other seeds, so that a sampled answer is a second opinion."""
        if times == 0:
            return self
        again = tuple(_reseeded(request, times) for request in self.requests)
        return replace(self, requests=again)

    def first(self, rows: int) -> "Workload":
        """Returns its first rows, for a warm-up."""
        return replace(self, requests=self.requests[:rows])


@dataclass(frozen=True)
class FileSource:
    """Rows of a file of candidates or of OpenAI requests, judged as `aris run` would.

    Attributes:
        file: in any known format.
        rows: how many of its first rows; None for all.
        judging: rubric, sampling and context.
        schema_on: false drops the answer's schema: free text.
        output_tokens: where given, every answer has this length and no schema.
    """

    file: Path
    rows: int | None
    judging: JudgingSettings
    schema_on: bool = True
    output_tokens: int | None = None

    def workload(self, card: ModelCard) -> Workload:
        """Renders the rows for a model.

        Raises:
            InputError: the file cannot be read, or no row of it can be rendered.
        """
        engine = self.judging.engine.model_copy(update={"model": card.model_id})
        judging = self.judging.model_copy(update={"engine": engine})
        # A store of its own: nothing of a benchmark is ever found by a run that reuses answers.
        with tempfile.TemporaryDirectory(prefix="aris-benchmark-") as place:
            store = DataStore(Path(place))
            batch = land_file(store, self.file, LandingOptions(limit=self.rows))
            assignment = replace(judging.assign(batch), card=card)
            frames = []
            for shard in Shard.all_of(batch):
                validate_shard(store, shard)
                frames.append(assignment.prompts(store, shard))
        prompts = pl.concat(frames).filter(pl.col("error").is_null())
        requests = tuple(self._requests(prompts))
        if not requests:
            raise InputError(f"no row of {self.file} can be rendered for {card.name}")
        fixed = self.output_tokens is not None
        kind = f"{self.output_tokens} tokens each" if fixed else None
        form = kind or ("JSON schema" if any(r.response_schema for r in requests) else "free text")
        return Workload(
            f"{len(requests):,} rows of {batch.source_file}, {form}",
            _digest(batch.digest, len(requests), self.schema_on, self.output_tokens,
                    assignment.judge.rubric, judging.prompt.model_dump_json()),
            requests,
            fixed,
        )  # fmt: skip

    def _requests(self, prompts: pl.DataFrame) -> Iterator[Request]:
        for row in prompts.iter_rows(named=True):
            sampling = sampling_of(row)
            schema = row["response_schema"] if self.schema_on else None
            if self.output_tokens is not None:
                sampling = Sampling(self.output_tokens, ignore_eos=True)
                schema = None
            yield Request(
                row["custom_id"],
                row["prompt_token_ids"],
                sampling,
                schema,
                messages=row["messages"],
                template_options=template_options_of(row),
            )


@dataclass(frozen=True)
class ShapeSource:
    """Prompts of random words in a declared shape, for speed alone.

    Attributes:
        rows: how many.
        prompt_tokens: of each.
        shared_tokens: leading tokens that all prompts share, as a rubric's static text is.
        output_tokens: of each answer, exactly.
        seed: of the words.
    """

    rows: int
    prompt_tokens: int = 788
    shared_tokens: int = 560
    output_tokens: int = 305
    seed: int = 1

    def workload(self, card: ModelCard) -> Workload:
        """Draws the prompts; words are single tokens, so that a text of them keeps its length."""
        if self.shared_tokens >= self.prompt_tokens:
            raise ConfigError("a prompt's shared tokens must be fewer than its tokens")
        words = _single_token_words(load_tokenizer(card))
        random = np.random.default_rng(self.seed)
        shared = random.choice(words, self.shared_tokens).tolist()
        own = random.choice(words, (self.rows, self.prompt_tokens - self.shared_tokens)).tolist()
        sampling = Sampling(self.output_tokens, ignore_eos=True)
        return Workload(
            f"{self.rows:,} synthetic rows of {self.prompt_tokens} prompt ({self.shared_tokens} "
            f"shared) and {self.output_tokens} output tokens",
            _digest(
                self.rows, self.prompt_tokens, self.shared_tokens, self.output_tokens, self.seed
            ),
            tuple(Request(f"row-{n}", [*shared, *ids], sampling) for n, ids in enumerate(own)),
            fixed_lengths=True,
        )


Source = FileSource | ShapeSource


def _single_token_words(tokenizer: "PreTrainedTokenizerBase") -> list[int]:
    """Token ids of words of lower-case letters with a leading space, by id."""
    words = []
    for token in range(len(tokenizer)):
        # Twice, because some tokenizers drop the space before a text's first word.
        first, _, second = str(tokenizer.decode([token, token])).strip().partition(" ")
        if first == second and _WORD.fullmatch(first):
            words.append(token)
            if len(words) == _WORDS:
                break
    if not words:
        raise ConfigError("the tokenizer has no whole words: measure with a file instead")
    return words


def _reseeded(request: Request, times: int) -> Request:
    seed = request.sampling.seed
    if seed is None:
        return request
    return replace(request, sampling=replace(request.sampling, seed=seed + times))


def _digest(*parts: object) -> str:
    return hashlib.sha256(json.dumps(parts, default=str).encode()).hexdigest()[:16]
