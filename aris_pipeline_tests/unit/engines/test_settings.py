import pytest

from aris_pipeline.engines import EngineSettings
from aris_pipeline.engines.vllm_arguments import prepare_environment
from aris_pipeline.errors import ConfigError, EngineError


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"engine": "remote"}, "needs the address"),
        ({"engine": "serve", "server_url": "http://gpu:8000/v1"}, "takes no server address"),
        ({"server_url": "http://gpu:8000/v1"}, "takes no server address"),
        ({"engine": "remote", "server_url": "gpu:8000"}, "is no server's address"),
    ],
)
def test_an_engine_and_an_address_that_do_not_fit_are_refused(
    settings: dict[str, str], complaint: str
) -> None:
    with pytest.raises(ConfigError, match=complaint):
        EngineSettings.model_validate(settings)


def test_a_key_in_the_address_is_refused_and_not_repeated() -> None:
    with pytest.raises(ConfigError, match="ARIS_SERVER_API_KEY") as raised:
        EngineSettings(engine="remote", server_url="https://me:sk-secret@gpu/v1")

    assert "sk-secret" not in str(raised.value)


def test_a_remote_server_leaves_this_machine_to_others() -> None:
    remote = EngineSettings(engine="remote", server_url="http://gpu:8000/v1")

    assert not remote.on_this_machine
    assert EngineSettings(engine="serve").on_this_machine


@pytest.mark.parametrize("engine", ["remote", "ollama"])
def test_kernels_of_a_server_elsewhere_cannot_be_chosen(engine: str) -> None:
    with pytest.raises(ConfigError, match="start a vLLM server with VLLM_BATCH_INVARIANT=1"):
        EngineSettings.model_validate(
            {"engine": engine, "server_url": "http://gpu:8000/v1", "batch_invariant": True}
        )


def test_only_the_engine_in_process_shares_its_gpu() -> None:
    with pytest.raises(ConfigError, match="leave --engines-per-gpu and ARIS_ENGINES_PER_GPU out"):
        EngineSettings(engine="serve", engines_per_gpu=2)


def test_without_a_gpu_engines_do_not_share_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VLLM_ENABLE_V1_MULTIPROCESSING", "0")

    with pytest.raises(EngineError, match="leave --engines-per-gpu and ARIS_ENGINES_PER_GPU out"):
        prepare_environment(EngineSettings(engines_per_gpu=2), on_gpu=False)
