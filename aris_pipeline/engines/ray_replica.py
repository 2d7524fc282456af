"""One copy of vLLM, driven by Ray Data LLM but with the limits of offline use."""

from collections.abc import AsyncIterator
from typing import Any, Self

from ray.llm._internal.batch.stages import vllm_engine_stage
from vllm import EngineArgs
from vllm.sampling_params import RequestOutputKind
from vllm.usage.usage_lib import UsageContext

from aris_pipeline.engines.offline import completion_of
from aris_pipeline.engines.protocol import Completion
from aris_pipeline.models.devices import gpu_count


class _Answer:
    """Stands in for Ray's `vLLMOutputData`, and keeps vLLM's output as a completion.

    Ray's leaves out why an answer ended, and how much of its prompt the prefix cache had.
    """

    def __init__(self, completion: Completion | None = None, **_of_a_refused_row: Any) -> None:
        self._completion = completion

    @classmethod
    def from_vllm_engine_output(cls, output: Any) -> Self:
        return cls(completion_of(output))

    def model_dump(self) -> dict[str, Any]:
        return {"completion": self._completion}


vllm_engine_stage.vLLMOutputData = _Answer  # type: ignore[assignment, misc]


class OfflineStage(vllm_engine_stage.vLLMEngineStageUDF):
    """vLLM for rows that nobody waits for one by one."""

    def __init__(self, *, engine_kwargs: dict[str, Any], **rest: Any) -> None:
        """Loads the model on the replica's host, whose GPU decides how much it works on at once.

        Ray does not say what vLLM is used for, and then vLLM works on only 128 rows at once.
        """
        chosen = {name: value for name, value in engine_kwargs.items() if value is not None}
        super().__init__(engine_kwargs={**_offline_limits(), **chosen}, **rest)

    async def udf(  # type: ignore[override] # Ray's own declaration says that it is awaited
        self, batch: list[dict[str, Any]]
    ) -> AsyncIterator[dict[str, Any]]:
        """Answers a batch; reports each row only when it is finished, as nobody reads parts of it.

        With a thousand rows in flight, reporting every token costs a fifth of the speed.
        """
        for row in batch:
            row["sampling_params"]["output_kind"] = RequestOutputKind.FINAL_ONLY
        async for answer in super().udf(batch):
            yield answer


def _offline_limits() -> dict[str, int]:
    """Returns how much vLLM works on at once, on this GPU, in offline use."""
    if not gpu_count():
        return {}
    tokens, rows = EngineArgs.get_batch_defaults(world_size=1)
    offline = UsageContext.LLM_CLASS
    return {"max_num_batched_tokens": tokens[offline], "max_num_seqs": rows[offline]}
