import hashlib
import json
from collections.abc import Callable

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from aris_pipeline.engines import Sampling
from aris_pipeline.models import EngineIdentity
from aris_pipeline.prompts import (
    PromptSettings,
    Rendering,
    Rubric,
    Tokenizer,
    load_rubric,
    render_shard,
)
from aris_pipeline.prompts.request_keys import RequestKeys
from aris_pipeline.storage import DataStore
from aris_pipeline_tests.unit.prompts.conftest import AS_OF, IDENTITY, JUDGE, SHARD

RUBRIC = load_rubric("aris-swe-v1")
TOKENS = st.lists(st.integers(0, 300_000), max_size=8)
KEYS_OF_OLD = [
    "3a553bf801a8d0cf1ad0915ba638a2dbd22f0ce81b02c25bc659b3836676fc5a",
    "c417bfa847267e631242f49fccf8e11a3fba3337c6a72562e51bdac9381eddf6",
    "76401f85aa475b6fb77aeea6751c9cdb40371626baf8e1f3842aab63ecd8d2bd",
]


def _plain_key(ids: list[int], identity: EngineIdentity, schema: str | None) -> str:
    content = {
        "prompt": ids,
        "engine": identity.model_dump(mode="json"),
        "sampling": {"max_tokens": 9, "temperature": 0.5, "top_p": 1.0, "seed": None},
        "response_schema": schema,
        "scoring": {
            "prefill": RUBRIC.verdict_prefill,
            "options": list(RUBRIC.recommendations),
        },
    }
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


@settings(deadline=None)
@given(
    shared=TOKENS,
    further=TOKENS,
    model=st.text() | st.just('"prompt":['),
    schema=st.none() | st.text() | st.just('{"prompt":[]}'),
)
def test_a_key_is_the_digest_of_all_that_determines_the_answer_however_it_is_hashed(
    shared: list[int], further: list[int], model: str, schema: str | None
) -> None:
    identity = EngineIdentity(kind="vllm", model_id=model, revision="1", dtype="bfloat16")
    keys = RequestKeys(identity, Sampling(9, 0.5), schema, RUBRIC, shared)
    assert keys.of(further) == _plain_key([*shared, *further], identity, schema)


def test_keys_are_those_of_earlier_versions_so_that_paid_answers_stay_known(
    land: Callable[..., None], store: DataStore, tokenizer: Tokenizer, rubric: Rubric
) -> None:
    land(
        {},
        {"first_name": "José", "resume_text": "José, +49 151 12345678 </profile> \u200bdata\u00ad"},
        {"resume_text": "long text, " * 2000},
    )
    rendering = Rendering(rubric, tokenizer, IDENTITY, PromptSettings(), 2048, AS_OF)
    render_shard(store, JUDGE, SHARD, rendering)
    prompts = pl.read_parquet(store.prompts(JUDGE, SHARD))
    assert prompts["shortened"].to_list() == [False, False, True]
    assert prompts["request_key"].to_list() == KEYS_OF_OLD
