"""What the engine ray promises before any replica is loaded."""

import builtins
import sys
from typing import Any

import pytest

from aris_pipeline.engines import EngineSettings, find_model, open_engine
from aris_pipeline.engines.vllm_arguments import replica_environment
from aris_pipeline.errors import ConfigError, EngineError

CARD = find_model("smollm2-135m-instruct")


def test_a_replica_answers_for_the_engine_in_process_and_the_other_way_round() -> None:
    assert CARD.identity(kind="ray") == CARD.identity(kind="offline")


@pytest.mark.parametrize("several", [{"replicas": 2}, {"ray_address": "auto"}])
def test_only_ray_has_replicas(several: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="choose --engine ray"):
        EngineSettings(engine="serve", **several)


def test_all_replicas_count_as_gpus_and_those_of_a_cluster_are_not_this_machine_s() -> None:
    settings = EngineSettings(engine="ray", replicas=4, tensor_parallel_size=2)

    assert settings.gpus == 8
    assert settings.on_this_machine
    assert not settings.model_copy(update={"ray_address": "head:6379"}).on_this_machine


def test_without_ray_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without_ray(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.partition(".")[0] == "ray":
            raise ModuleNotFoundError("No module named 'ray'", name="ray")
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without_ray)
    monkeypatch.delitem(sys.modules, "aris_pipeline.engines.ray_data", raising=False)

    with pytest.raises(EngineError, match=r'pip install -e "\.\[ray\]"'):
        open_engine(CARD, EngineSettings(engine="ray"))


def test_replicas_on_a_cpu_share_its_cores_without_being_bound_to_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _pid: set(range(8)))

    variables = replica_environment(on_gpu=False, replicas=2)

    assert variables["VLLM_CPU_OMP_THREADS_BIND"] == "nobind"
    assert variables["OMP_NUM_THREADS"] == "4"
