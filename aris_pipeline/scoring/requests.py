"""Makes the requests for the model's own verdict probabilities, beside its generated answer."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from aris_pipeline.engines import Completion, Request, RequestId, Sampling
from aris_pipeline.scoring.score_plan import ScorePlan

_ONE_TOKEN = Sampling(max_tokens=1)

Answered = Callable[[Iterable[Request]], Iterator[Completion]]
"""The signature of an engine's `generate`."""

NodeLogprobs = Mapping[int, dict[int, float]]
"""The engine's log-probability by token, at each node of the plan."""


@dataclass(frozen=True)
class Scoring:
    """How to read the model's own verdict probabilities.

    Attributes:
        plan: which tokens to ask for after a prompt.
        calibration_prompt: token ids of the prompt without a profile.
    """

    plan: ScorePlan
    calibration_prompt: list[int]

    def requests(self, row: RequestId, prompt_token_ids: list[int]) -> Iterator[Request]:
        """Yields a request for each node of the plan."""
        for index, (suffix, children) in enumerate(self.plan.nodes):
            yield Request(
                str(row.at(index)),
                [*prompt_token_ids, *suffix],
                _ONE_TOKEN,
                logprob_token_ids=tuple(children),
            )

    def calibrate(self, answered: Answered) -> list[float] | None:
        """Asks for the verdict on a profile without content.

        The nodes are asked one after the other: on a GPU, sums depend on what is computed in the
        same step, and this result is part of each row's score.
        """
        found = {
            node: completion.logprobs
            for request in self.requests(RequestId("calibration"), self.calibration_prompt)
            for completion in answered([request])
            if (node := RequestId.parse(completion.request_id).node) is not None
        }
        return self.option_logprobs(found)

    def option_logprobs(self, found: NodeLogprobs) -> list[float] | None:
        """Returns the log-probability of each verdict; None if the engine gave none for a token."""
        complete = all(
            set(children) <= found.get(index, {}).keys()
            for index, (_suffix, children) in enumerate(self.plan.nodes)
        )
        if not complete:
            return None
        return self.plan.option_logprobs([found[index] for index in range(len(found))])
