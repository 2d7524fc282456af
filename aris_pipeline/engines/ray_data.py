"""Runs vLLM replicas on one host or many: Ray Data LLM (`ray.data.llm`) behind the protocol.

One dataset runs for as long as the engine is open. Its source is a queue that this process fills
and its rows come back as they are answered, so the models are loaded once for all requests of a
run. Ray decides where replicas run, and what happens to the rows of a dead one; record 18.
"""

import contextlib
import logging
import queue
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import islice
from typing import Any, Self

import ray
from ray.data.llm import Processor, build_processor, vLLMEngineProcessorConfig
from ray.util.queue import Queue

from aris_pipeline.engines.memory_advice import memory_advice
from aris_pipeline.engines.protocol import (
    Completion,
    EngineInfo,
    Request,
    Sampling,
    refusal,
    too_long,
)
from aris_pipeline.engines.ray_cluster import (
    connect,
    has_gpus,
    no_shared_memory_left,
    own_signal_handlers,
    reason_of,
    room_for_replicas,
    set_log_level,
    this_node,
)
from aris_pipeline.engines.ray_workers import ERROR, Asked, Replica, packed, unpacked
from aris_pipeline.engines.settings import EngineSettings
from aris_pipeline.engines.vllm_arguments import (
    engine_args,
    further_parameters,
    replica_environment,
)
from aris_pipeline.errors import EngineDiedError, EngineError
from aris_pipeline.models.cards import ModelCard, load_tokenizer
from aris_pipeline.models.devices import vllm_version

_LOG = logging.getLogger(__name__)
_REQUESTS_OF_A_BATCH = 16
"""At most, in Ray's unit of work and of retry; they come back together, so they are few."""
_TRIES_OF_A_BATCH = 4
"""This many replicas may die with a batch in work before the rows at fault are sought."""
_REQUESTS_IN_FLIGHT = {True: 4096, False: 128}
"""Requests in flight for a replica, on a GPU and on a CPU. They are more than it works on at once,
because a row is two requests, and because an answer waits for the slowest of its batch: of 2,048 in
flight a GPU worked on some 500 answers, although it takes 1,024."""
_BATCHES_AHEAD = 16
"""Ray checks ten times a second which batches a task has ready; by default these may be two."""
_LONGEST_START_S = 3600
_LOOK_EVERY_S = 0.5
_LOOK_AT_NODES_EVERY_S = 5.0
_END_S = 30.0


class VllmOnRay:
    """A pool of vLLM replicas as an engine; see `aris_pipeline.engines.protocol.Engine`."""

    def __init__(self, card: ModelCard, settings: EngineSettings) -> None:
        """Connects to Ray, or starts it on this machine, and loads the replicas.

        Raises:
            EngineError: Ray cannot be reached, has too few resources, or cannot load the model.
        """
        started = time.monotonic()
        self._numbers = iter(range(2**62))
        self._answers: queue.SimpleQueue[Mapping[str, Any] | Exception] = queue.SimpleQueue()
        self._rows: Any = None
        self._listener = threading.Thread(target=self._listen, daemon=True)
        connect(settings)
        try:
            on_gpu = has_gpus()
            replicas = room_for_replicas(settings, on_gpu=on_gpu)
            if replicas < settings.replicas:
                lost = settings.replicas - replicas
                _LOG.warning("lost nodes of Ray's took %d replicas; %d go on", lost, replicas)
            settings = settings.model_copy(update={"replicas": replicas})
            self._settings, self._on_gpu = settings, on_gpu
            self._warned_of_seeds = False
            in_flight = settings.max_requests_in_flight or _REQUESTS_IN_FLIGHT[on_gpu]
            self._window = settings.replicas * in_flight
            # A replica is never without work while the answers of a batch are taken back.
            batches = max(2, -(-in_flight // _REQUESTS_OF_A_BATCH))
            self._batch = max(1, in_flight // batches)
            self._asked = Queue(actor_options={"num_cpus": 0, "label_selector": this_node()})
            self._rows = _answered(card, settings, self._asked, batches, on_gpu=on_gpu)
            self._listener.start()
            max_model_len = settings.context(on_gpu=on_gpu, of_model=card.max_model_len)
            self._info = EngineInfo(
                f"ray-{ray.__version__}-vllm-{vllm_version()}",
                load_s=0.0,
                max_model_len=max_model_len,
                kv_cache_tokens=None,
                replicas=replicas,
            )
            self._try_out(card)
        except BaseException:
            self.close()
            raise
        self._info = replace(self._info, load_s=time.monotonic() - started)

    @property
    def info(self) -> EngineInfo:
        """Returns facts about the loaded engine."""
        return self._info

    def generate(self, requests: Iterable[Request]) -> Iterator[Completion]:
        """Answers requests in order of completion, with a bounded number in flight."""
        waiting = iter(requests)
        live: dict[int, Request] = {}
        exhausted = False
        while live or not exhausted:
            while len(live) + self._batch <= self._window and not exhausted:
                drawn = list(islice(waiting, self._batch))
                exhausted = len(drawn) < self._batch
                refused = [too_long(request, self._info.max_model_len) for request in drawn]
                yield from filter(None, refused)
                asked = {
                    next(self._numbers): request
                    for request, refusal_of in zip(drawn, refused, strict=True)
                    if refusal_of is None
                }
                live |= asked
                self._ask(asked)
            if live:
                row = self._next()
                # Rows of an abandoned call come late.
                if request := live.pop(row["number"], None):
                    yield _completion(request, row)

    def kv_cache_usage(self) -> float | None:
        """Returns None, because Ray Data does not report it."""
        return None

    def close(self) -> None:
        """Ends the replicas, and also Ray if it was started for this engine."""
        # Tasks that still work complain about it.
        set_log_level(logging.CRITICAL)
        with no_shared_memory_left():
            if self._listener.is_alive():
                # A thread that waits for Ray during its shutdown would end this whole process.
                ray.kill(self._rows._coord_actor)
                self._listener.join(_END_S)
            ray.shutdown()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def _listen(self) -> None:
        """Hands out rows as they are answered, and finally the reason for the end."""
        end: Exception = EngineDiedError("Ray ended the replicas' work without a reason")
        try:
            # No batch size is given, so rows come block by block.
            for batch in self._rows.iter_batches(
                batch_size=None, prefetch_batches=0, batch_format="pyarrow"
            ):
                for answers in batch.column(Processor.DATA_COLUMN).to_pylist():
                    for row in unpacked(answers):
                        self._answers.put(row)
        except Exception as error:  # noqa: BLE001 - whatever it is, no more rows come
            end = error
        self._answers.put(end)

    def _ask(self, asked: Mapping[int, Request]) -> None:
        """Sends a batch."""
        if asked:
            self._asked.put(packed([self._row(*numbered) for numbered in asked.items()]))

    def _row(self, number: int, request: Request) -> dict[str, Any]:
        """Returns a request in the form that Ray's `vLLMEngineStage` expects."""
        sampling = request.sampling
        seeded = sampling.seed is not None and sampling.temperature > 0
        if seeded and not self._on_gpu and not self._warned_of_seeds:
            self._warned_of_seeds = True
            _LOG.warning("the CPU engine ignores seeds where the temperature is above 0")
        return {
            "number": number,
            "tokenized_prompt": request.prompt_token_ids,
            "sampling_params": {
                "max_tokens": sampling.max_tokens,
                "temperature": sampling.temperature,
                "top_p": sampling.top_p,
                "seed": sampling.seed if seeded and self._on_gpu else None,
                "ignore_eos": sampling.ignore_eos,
                "logprob_token_ids": list(request.logprob_token_ids) or None,
                "structured_outputs": None,
                **further_parameters(sampling),
                **(
                    {"structured_outputs": {"json": request.response_schema}}
                    if request.response_schema
                    else {}
                ),
            },
            ERROR: "",
        }

    def _next(self) -> Mapping[str, Any]:
        """Waits for the next answer.

        Raises:
            EngineDiedError: no more answers come.
        """
        since = time.monotonic()
        while True:
            try:
                row = self._answers.get(timeout=_LOOK_EVERY_S)
            except queue.Empty:
                if time.monotonic() - since < self._settings.stall_timeout_s:
                    continue
                raise EngineDiedError(
                    f"no replica gave an answer for {self._settings.stall_timeout_s:.0f} s"
                ) from None
            if isinstance(row, Exception):
                self._answers.put(row)
                raise EngineDiedError(f"Ray's work ended: {reason_of(row)}") from row
            return row

    def _try_out(self, card: ModelCard) -> None:
        """Asks for one token, which arrives when the replicas are loaded."""
        ids = load_tokenizer(card)("Ready?", add_special_tokens=False)["input_ids"]
        self._ask({next(self._numbers): Request("ready", ids, Sampling(1))})
        row = self._first_answer(time.monotonic() + _LONGEST_START_S)
        said = reason_of(row) if isinstance(row, Exception) else row.get(ERROR)
        if said:
            error = EngineError(f"Ray cannot load {card.model_id}: {said}")
            raise EngineError(f"{error}{memory_advice(card, self._settings, error)}")

    def _first_answer(self, deadline: float) -> Mapping[str, Any] | Exception:
        """Waits for the replicas to be loaded.

        Raises:
            EngineError: they cannot be loaded, or a node for one of them is gone.
        """
        replicas = self._settings.replicas
        while time.monotonic() < deadline:
            with contextlib.suppress(queue.Empty):
                return self._answers.get(timeout=_LOOK_AT_NODES_EVERY_S)
            # The death of a node is noticed after half a minute, and Ray would wait for another
            # node.
            if room_for_replicas(self._settings, on_gpu=self._on_gpu) < replicas:
                raise EngineError(f"a node of Ray's was lost while {replicas} replicas were loaded")
        raise EngineError(f"Ray does not become ready with {replicas} replicas")


def _completion(request: Request, row: Mapping[str, Any]) -> Completion:
    if said := row[ERROR]:
        return refusal(request, "refused", said)
    completion: Completion = row["completion"]
    return replace(completion, request_id=request.request_id)


def _answered(
    card: ModelCard, settings: EngineSettings, asked: Queue, batches: int, *, on_gpu: bool
) -> ray.data.DataIterator:
    """Returns a dataset of requests with answers, which works while it is read.

    A process of Ray handles its only split, which relieves this process and can be ended together
    with all others at any moment.
    """
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    # No batch waits until others fill a block.
    context.target_max_block_size = 1
    context._max_num_blocks_in_streaming_gen_buffer = _BATCHES_AHEAD
    context.wait_for_min_actors_s = _LONGEST_START_S
    args = engine_args(card, settings, on_gpu=on_gpu)
    args.pop("use_tqdm_on_load")
    if settings.tensor_parallel_size > 1:
        # Ray's own way to share one copy needs GPUs, and did not start on GPUs either.
        args.setdefault("distributed_executor_backend", "mp")
    config = vLLMEngineProcessorConfig(
        model_source=args.pop("model"),
        engine_kwargs=args,
        concurrency=(settings.replicas, settings.replicas),
        batch_size=1,
        max_concurrent_batches=batches,
        # By default twice as many, and first those of the node where the requests are.
        max_tasks_in_flight_per_actor=batches,
        should_continue_on_error=True,
        log_engine_metrics=False,
        chat_template_stage=False,
        tokenize_stage=False,
        detokenize_stage=False,
        runtime_env={"env_vars": replica_environment(settings, on_gpu=on_gpu)},
        placement_group_config=None if on_gpu else {"bundle_per_worker": {"CPU": 1}},
    )
    with own_signal_handlers():  # it initializes Ray again
        processor = build_processor(config)
    # Ray would start a task for each row, which is slower than the row's share of a replica.
    processor.preprocess = processor.postprocess = None
    name = "vLLMEngineStage"
    stage = processor.get_stage_by_name(name)
    # A copy, because the stage computes its resources again when it is assigned to, and wants a
    # class of Ray's that imports vLLM.
    processor.stages[name] = stage.model_copy(update={"fn": Replica})
    # By default a batch is retried forever, even if it kills each replica.
    stage.map_batches_kwargs["max_task_retries"] = _TRIES_OF_A_BATCH - 1
    source = ray.data.read_datasource(
        Asked(asked, Processor.DATA_COLUMN),
        override_num_blocks=settings.replicas,
        num_cpus=0,
        label_selector=this_node(),
    )
    return processor(source).streaming_split(1, equal=False)[0]
