"""Real vLLM whose masks are made together: they say what vLLM's own would say."""

import inspect
import json
import logging

import pytest

from aris_pipeline.engines import EngineSettings, Request, Sampling, VllmOffline
from aris_pipeline.engines.lifetime import PARENT_VARIABLE
from aris_pipeline.models import load_tokenizer
from aris_pipeline_tests.engine.chat import CARD, ids
from aris_pipeline_tests.tiny_model import TinyModel

pytestmark = pytest.mark.engine

SCHEMA = json.dumps(
    {
        "type": "object",
        "properties": {"verdict": {"enum": ["Strong Yes", "No"]}, "sure": {"type": "boolean"}},
        "required": ["verdict", "sure"],
        "additionalProperties": False,
    }
)


def test_masks_of_many_rows_are_those_of_each_alone(tiny: TinyModel) -> None:
    # From 129 rows a step on, vLLM no longer makes their masks one by one.
    with VllmOffline(tiny.card, EngineSettings(max_num_seqs=129)) as engine:
        # At the top of the file they would cost every collection of tests some seconds.
        from vllm.v1.structured_output import StructuredOutputManager
        from vllm.v1.structured_output.backend_types import StructuredOutputOptions

        from aris_pipeline.engines.masks_together import MasksTogether

        asked = [Request(f"r{n}", ids(f"Is {n} any good?"), Sampling(40), SCHEMA) for n in range(8)]
        answers = list(engine.generate(asked))
        manager = engine._engines.loaded[0].engine.engine_core.engine_core.structured_output_manager
        assert isinstance(manager, MasksTogether)
        backend, kind = manager.backend, StructuredOutputOptions.JSON
        grammars = [backend.compile_grammar(kind, SCHEMA) for _ in range(4)]
        begin = load_tokenizer(CARD)('{"verdict":"', add_special_tokens=False)["input_ids"]
        for grammar, tokens in zip(grammars, range(len(begin)), strict=False):
            assert grammar.accept_tokens("row", begin[:tokens])
        grammars[3].terminated = True
        batch = [(grammar, row, True) for row, grammar in enumerate(grammars)]
        batch.append((grammars[0], len(grammars), False))
        manager._grammar_bitmask = backend.allocate_token_bitmask(len(batch))

        manager._fill_bitmasks(batch)

        together = manager._grammar_bitmask.clone()
        manager._grammar_bitmask.fill_(0)
        StructuredOutputManager._fill_bitmasks(manager, batch)
        assert together.equal(manager._grammar_bitmask)
        assert not together[0].equal(together[2])
    assert {answer.request_id for answer in answers} == {request.request_id for request in asked}
    assert all(set(json.loads(one.text or "")) == {"verdict", "sure"} for one in answers)


def test_the_methods_that_are_overridden_are_those_of_the_installed_vllm() -> None:
    """Fails where a new vLLM has other names: then the masks are slow, and nothing else says so."""
    from vllm.v1.engine import core
    from vllm.v1.structured_output import StructuredOutputManager

    from aris_pipeline.engines.masks_together import OVERRIDDEN

    assert core.StructuredOutputManager.__mro__[-2] is StructuredOutputManager
    for name in OVERRIDDEN:
        method = getattr(StructuredOutputManager, name)
        assert list(inspect.signature(method).parameters) == ["self", "batch"]
    used = inspect.getsource(StructuredOutputManager.grammar_bitmask)
    for name in (
        *OVERRIDDEN,
        "fill_bitmask_parallel_threshold",
        "fill_bitmask_parallel_batch_size",
    ):
        assert f"self.{name}" in used


def test_masks_that_cannot_be_made_together_are_made_by_vllm_in_the_same_step(
    tiny: TinyModel, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from aris_pipeline.engines import masks_together

    def fail(*_arguments: object) -> None:
        raise ValueError("too many values to unpack (expected 3)")

    asked = [Request(f"r{n}", ids(f"Is {n} any good?"), Sampling(40), SCHEMA) for n in range(8)]
    with VllmOffline(tiny.card, EngineSettings(max_num_seqs=129)) as engine:
        together = {one.request_id: one.text for one in engine.generate(asked)}
        manager = engine._engines.loaded[0].engine.engine_core.engine_core.structured_output_manager
        monkeypatch.setattr(masks_together, "fill_next_token_bitmask_par", fail)
        with caplog.at_level(logging.WARNING, "aris_pipeline"):
            alone = {one.request_id: one.text for one in engine.generate(asked)}

    assert alone == together
    assert manager.fill_bitmask_parallel_batch_size == 16
    (warning,) = [r for r in caplog.records if "masks" in r.getMessage()]
    assert "ValueError: too many values to unpack" in warning.getMessage()


def test_a_vllm_that_is_not_ours_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    from vllm.v1.engine import core
    from vllm.v1.structured_output import StructuredOutputManager

    from aris_pipeline.engines.grammar_masks import make_masks_together

    monkeypatch.setattr(core, "StructuredOutputManager", StructuredOutputManager)
    monkeypatch.delenv(PARENT_VARIABLE, raising=False)

    make_masks_together()

    assert core.StructuredOutputManager is StructuredOutputManager
