"""Plans the single tokens to ask about, to learn the probabilities of the recommendations.

Every recommendation is the continuation of a short assistant prefill. Tokenized jointly with it,
they form a trie; at each node at which the options part, one request for one token gives the
log-probabilities of exactly the children. An option's probability is the product of its choices,
each renormalized among the children of its node, so that the options' probabilities sum to one.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

from aris_pipeline.errors import ConfigError
from aris_pipeline.prompts.frames import build_frame
from aris_pipeline.prompts.profiles import content_free_profile
from aris_pipeline.prompts.rubrics import Rubric
from aris_pipeline.prompts.settings import PromptSettings
from aris_pipeline.prompts.tokenizers import Tokenizer, tokenize


class ScoreNode(NamedTuple):
    """A node where the options part: what to append to the prompt, and tokens to ask about."""

    suffix_token_ids: tuple[int, ...]
    child_token_ids: tuple[int, ...]


@dataclass(frozen=True)
class ScorePlan:
    """The requests that score one candidate, one token each."""

    options: tuple[str, ...]
    nodes: tuple[ScoreNode, ...]
    paths: tuple[tuple[tuple[int, int], ...], ...]
    """The choices that lead to each option: (index of the node, token id)."""

    def option_logprobs(self, node_logprobs: list[dict[int, float]]) -> list[float]:
        """Returns the log-probability of each option, in the rubric's order.

        Args:
            node_logprobs: for each of `nodes` the engine's log-probabilities of its children.
        """
        if len(node_logprobs) != len(self.nodes):
            raise ValueError(f"{len(node_logprobs)} nodes answered, {len(self.nodes)} were asked")
        choices = [
            _renormalized([found[token] for token in node.child_token_ids])
            for node, found in zip(self.nodes, node_logprobs, strict=True)
        ]
        return [
            sum(
                choices[node][self.nodes[node].child_token_ids.index(token)] for node, token in path
            )
            for path in self.paths
        ]


def build_score_plan(rubric: Rubric, tokenizer: Tokenizer) -> ScorePlan:
    """Builds the trie of the rubric's recommendations for a tokenizer."""
    texts = [f"{rubric.verdict_prefill} {option}" for option in rubric.recommendations]
    sequences = [tuple(ids) for ids in tokenize(tokenizer, texts, special=False)]
    if len(set(sequences)) < len(sequences):
        raise ConfigError(f"rubric '{rubric.id}': the tokenizer cannot tell its options apart")
    sequences = [_terminated(ids, sequences, tokenizer) for ids in sequences]
    partings = _partings(sequences)
    nodes = tuple(ScoreNode(prefix, children) for prefix, children in partings.items())
    order = {prefix: index for index, prefix in enumerate(partings)}
    paths = tuple(
        tuple((order[ids[:n]], ids[n]) for n in range(len(ids)) if ids[:n] in order)
        for ids in sequences
    )
    return ScorePlan(rubric.recommendations, nodes, paths)


def calibration_prompt(rubric: Rubric, tokenizer: Tokenizer, settings: PromptSettings) -> list[int]:
    """Returns the rubric's prompt with a profile without content: it shows the prejudice.

    An empty profile would be another question: the demo model's prejudice about it is so different
    that subtracting it lowered the AUC on plainly different profiles from 0.99 to 0.62
    (`docs/decisions/0007-score-from-verdict-probabilities.md`).
    """
    frame = build_frame(rubric, tokenizer, use_example=settings.use_example)
    profile = tokenize(tokenizer, [content_free_profile()], special=False)[0]
    return frame.head_ids + profile + frame.tail_ids


def _terminated(
    ids: tuple[int, ...], sequences: list[tuple[int, ...]], tokenizer: Tokenizer
) -> tuple[int, ...]:
    """Ends an option that others continue, so that stopping there is a separate choice."""
    if all(other == ids or other[: len(ids)] != ids for other in sequences):
        return ids
    end = tokenizer.eos_token_id
    if end is None:
        end = tokenize(tokenizer, ["\n"], special=False)[0][-1]
    return (*ids, int(end))


def _partings(sequences: list[tuple[int, ...]]) -> dict[tuple[int, ...], tuple[int, ...]]:
    """Returns the prefixes after which sequences part, shortest first, with their children."""
    children: dict[tuple[int, ...], list[int]] = {}
    for ids in sequences:
        for n, token in enumerate(ids):
            known = children.setdefault(ids[:n], [])
            if token not in known:
                known.append(token)
    partings = {prefix: tuple(tokens) for prefix, tokens in children.items() if len(tokens) > 1}
    return dict(sorted(partings.items(), key=lambda parting: len(parting[0])))


def _renormalized(logprobs: list[float]) -> list[float]:
    highest = max(logprobs)
    if highest == -math.inf:
        return [-math.log(len(logprobs))] * len(logprobs)
    total = highest + math.log(sum(math.exp(value - highest) for value in logprobs))
    return [value - total for value in logprobs]
