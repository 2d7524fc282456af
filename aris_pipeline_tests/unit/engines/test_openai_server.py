"""Against a server of the tests; a real vLLM server is asked in `engine/test_serve.py`."""

import json
import logging
from collections import Counter
from typing import Any

import pytest

from aris_pipeline.completions.generation import generate_rows
from aris_pipeline.engines import (
    Completion,
    EngineSession,
    EngineSettings,
    Request,
    Sampling,
    open_engine,
)
from aris_pipeline.engines import openai_server as module
from aris_pipeline.engines.openai_server import OpenAiServer
from aris_pipeline.errors import EngineDiedError, EngineError
from aris_pipeline.models import find_model
from aris_pipeline.storage import Prompts
from aris_pipeline_tests.openai_server_fake import FakeServer
from aris_pipeline_tests.tables import table

CARD = find_model("smollm2-135m-instruct")
KEY = "sk-never-to-be-seen-7f3a"


def _settings(server: FakeServer, **values: Any) -> EngineSettings:
    return EngineSettings(engine="remote", server_url=server.url, **values)


def _ask(server: FakeServer, *requests: Request, **settings: Any) -> dict[str, Completion]:
    with OpenAiServer.remote(CARD, _settings(server, **settings)) as engine:
        answers = list(engine.generate(requests))
    assert len({answer.request_id for answer in answers}) == len(answers)
    return {answer.request_id: answer for answer in answers}


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that fails is given up after two tries."""
    monkeypatch.setattr(module, "_MAX_RETRIES", 1)


def test_exactly_the_token_ids_are_sent_and_the_figures_come_back() -> None:
    with FakeServer() as server:
        answer = _ask(server, Request("r", [5, 9, 14], Sampling(20, top_p=0.9)))["r"]

    assert server.prompts()[-1] == (5, 9, 14)
    assert (server.bodies[-1]["max_tokens"], server.bodies[-1]["top_p"]) == (20, 0.9)
    assert answer.text == "[5, 9, 14]"
    assert (answer.prompt_tokens, answer.cached_tokens, answer.output_tokens) == (3, 2, 3)
    assert answer.finish_reason == "stop"
    assert answer.latency_s is not None


def test_a_schema_is_sent_as_response_format() -> None:
    schema = '{"type": "object"}'
    with FakeServer() as server:
        _ask(server, Request("r", [5], Sampling(20), schema))

    sent = server.bodies[-1]["response_format"]
    assert sent["type"] == "json_schema"
    assert sent["json_schema"]["schema"] == json.loads(schema)


def test_the_log_probabilities_of_the_named_tokens_come_back() -> None:
    with FakeServer() as server:
        request = Request("r", [5], Sampling(1), logprob_token_ids=(8, 12))
        answer = _ask(server, request)["r"]

    assert answer.logprobs == {8: -4.0, 12: -6.0}


@pytest.mark.slow
def test_a_tenth_of_faults_of_every_kind_costs_no_row_and_doubles_none() -> None:
    prompts = [[100 + n, 200 + n] for n in range(200)]
    with FakeServer(fault_rate=0.10) as server:
        answers = _ask(
            server,
            *(Request(f"r{n}", prompt, Sampling(5)) for n, prompt in enumerate(prompts)),
            stall_timeout_s=3,
            max_requests_in_flight=16,
        )

    assert set(server.faults) == {"429", "500", "503", "drop", "cut off", "hang"}
    assert {key: answer.text for key, answer in answers.items()} == {
        f"r{n}": str(prompt) for n, prompt in enumerate(prompts)
    }


def test_a_request_that_is_refused_fails_alone() -> None:
    with FakeServer(refused=666) as server:
        answers = _ask(
            server,
            Request("bad", [5, 666], Sampling(5)),
            Request("long", [5] * 2045, Sampling(5)),
            Request("good", [5], Sampling(5)),
        )

    assert answers["bad"].error_type == "refused"
    assert "not to be answered" in (answers["bad"].error_message or "")
    assert answers["long"].error_type == "prompt_too_long"
    assert answers["good"].text == "[5]"


@pytest.mark.usefixtures("impatient")
def test_a_row_that_the_server_fails_on_again_and_again_ends_as_poison() -> None:
    rows = [{"prompt_token_ids": [n], "max_tokens": 5} for n in (7, 8, 13, 9)]
    with FakeServer(broken=13) as server:
        session = EngineSession(
            lambda: OpenAiServer.remote(CARD, _settings(server)), on_this_machine=False, backoff_s=0
        )
        with session:
            found = list(
                generate_rows(
                    session,
                    table(Prompts, *rows).iter_rows(named=True),
                    scoring=None,
                    shorten=lambda _prompt, _limit: None,
                    run_id="run",
                )
            )

    errors = {row["custom_id"]: row["error_type"] for row in found}
    assert errors == {"c0": None, "c1": None, "c2": "poison", "c3": None}


def test_a_server_that_knows_only_chat_is_sent_the_messages() -> None:
    messages = json.dumps([{"role": "user", "content": "Any good?"}])
    with FakeServer(chat_only=True) as server:
        answers = _ask(
            server,
            Request("row", [5, 6], Sampling(20), messages=messages),
            Request("score", [5, 6, 7], Sampling(1), logprob_token_ids=(8,)),
            Request("shortened", [5], Sampling(20)),
        )

    (body,) = server.bodies
    assert body["messages"] == json.loads(messages)
    assert json.loads(answers["row"].text or "") == json.loads(messages)
    assert answers["score"].logprobs == {}
    assert answers["score"].error_type is None
    assert answers["shortened"].error_type == "prompt_too_long"


FURTHER = {"stop": ["\n"], "top_k": 3, "structured_outputs": {"choice": ["yes", "no"]}}


@pytest.mark.parametrize("chat_only", [False, True])
def test_vllm_is_asked_with_all_that_a_row_asks_for(chat_only: bool) -> None:
    request = Request("r", [5], Sampling(20, further=FURTHER), messages="[]")
    with FakeServer(chat_only=chat_only) as server:
        answers = _ask(server, request)

    assert answers["r"].error_type is None
    assert {name: server.bodies[-1][name] for name in FURTHER} == FURTHER


def test_another_server_gets_no_parameter_that_it_might_ignore() -> None:
    with FakeServer(owner="llamacpp") as server:
        answers = _ask(
            server,
            Request("vllm's", [5], Sampling(20, further=FURTHER)),
            Request("openai's", [6], Sampling(20, further={"stop": ["x"], "logit_bias": {"7": 1}})),
        )

    refused = answers["vllm's"]
    assert refused.error_type == "unsupported_parameter"
    assert "is not known to be vLLM, does not honor structured_outputs, top_k: judge" in str(
        refused.error_message
    )
    assert (5,) not in server.prompts()
    assert server.prompts()[-1] == (6,)
    assert (server.bodies[-1]["stop"], server.bodies[-1]["logit_bias"]) == (["x"], {"7": 1})


def test_a_server_that_knows_only_chat_gets_no_prompt_that_it_would_render_otherwise() -> None:
    row = Request(
        *("r", [5], Sampling(20)), messages="[]", template_options=("continue_final_message",)
    )
    with FakeServer(chat_only=True) as server:
        answer = _ask(server, row)["r"]

    assert answer.error_type == "unsupported_parameter"
    assert "takes only chat messages, so it cannot honor continue_final_message" in str(
        answer.error_message
    )
    assert server.bodies == []


@pytest.mark.usefixtures("impatient")
def test_a_server_that_is_not_there_is_named_with_the_remedy() -> None:
    with FakeServer() as server:
        settings = _settings(server)

    with pytest.raises(EngineError, match=rf"{server.url}.*cannot be reached.*--server-url"):
        open_engine(CARD, settings)


@pytest.mark.usefixtures("impatient")
def test_a_server_that_dies_at_work_is_an_engine_that_died() -> None:
    with FakeServer() as server, OpenAiServer.remote(CARD, _settings(server)) as engine:
        server.stop()
        with pytest.raises(EngineDiedError, match="cannot be reached"):
            list(engine.generate([Request("r", [5], Sampling(5))]))


def test_a_server_that_answers_nothing_any_more_is_an_engine_that_died() -> None:
    with (
        FakeServer() as server,
        OpenAiServer.remote(CARD, _settings(server, stall_timeout_s=1)) as engine,
    ):
        server.silent = True
        with pytest.raises(EngineDiedError, match="gave no answer"):
            list(engine.generate([Request("r", [5], Sampling(5))]))


@pytest.mark.usefixtures("impatient")
def test_an_address_that_is_no_api_is_named_with_the_remedy() -> None:
    with (
        FakeServer() as server,
        pytest.raises(EngineError, match=rf"{server.url}/elsewhere.*--server-url"),
    ):
        OpenAiServer.remote(
            CARD, EngineSettings(engine="remote", server_url=f"{server.url}/elsewhere")
        )


def test_a_refusal_for_length_is_told_apart_so_that_the_prompt_is_shortened() -> None:
    with FakeServer(refused=666) as server:
        server.refusal = "This model's maximum context length is 100 tokens"
        answer = _ask(server, Request("long", [666], Sampling(5)))["long"]

    assert answer.error_type == "prompt_too_long"


def test_another_model_is_not_asked_in_its_place() -> None:
    with (
        FakeServer(model="llama-3-8b") as server,
        pytest.raises(EngineError, match=r"does not serve smollm2.*but llama-3-8b.*ARIS_MODELS"),
    ):
        OpenAiServer.remote(CARD, _settings(server))


def test_the_key_opens_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARIS_SERVER_API_KEY", KEY)
    with FakeServer(key=KEY) as server:
        assert _ask(server, Request("r", [5], Sampling(5)))["r"].text == "[5]"


def test_a_wrong_key_is_told_without_being_shown(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("ARIS_SERVER_API_KEY", KEY)
    caplog.set_level(logging.DEBUG)
    with (
        FakeServer(key="another") as server,
        pytest.raises(EngineError, match="wants its key in ARIS_SERVER_API_KEY") as raised,
    ):
        OpenAiServer.remote(CARD, _settings(server))

    said = capfd.readouterr()
    assert KEY not in f"{raised.value}{caplog.text}{said.out}{said.err}"


def test_what_is_abandoned_is_asked_no_further() -> None:
    with (
        FakeServer() as server,
        OpenAiServer.remote(CARD, _settings(server, max_requests_in_flight=2)) as engine,
    ):
        stream = engine.generate(Request(f"r{n}", [n], Sampling(5)) for n in range(50))
        next(stream)
        del stream

        assert [answer.request_id for answer in engine.generate([])] == []
        assert len(server.prompts()) <= 4


def test_no_more_requests_are_drawn_than_may_be_in_flight() -> None:
    drawn: Counter[str] = Counter()

    def requests() -> Any:
        for n in range(20):
            drawn["rows"] += 1
            yield Request(f"r{n}", [n], Sampling(5))

    with (
        FakeServer() as server,
        OpenAiServer.remote(CARD, _settings(server, max_requests_in_flight=3)) as engine,
    ):
        stream = engine.generate(requests())
        next(stream)
        assert drawn["rows"] == 3
        assert len(list(stream)) == 19
