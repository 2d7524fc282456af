"""What the engine ray promises before any replica is loaded."""

import builtins
import importlib
import subprocess
import sys
from types import ModuleType
from typing import Any

import pytest

from aris_pipeline.engines import EngineSettings, open_engine
from aris_pipeline.engines.vllm_arguments import replica_environment
from aris_pipeline.errors import ConfigError, EngineError
from aris_pipeline.models import find_model

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

    variables = replica_environment(EngineSettings(engine="ray", replicas=2), on_gpu=False)

    assert variables["VLLM_CPU_OMP_THREADS_BIND"] == "nobind"
    assert variables["OMP_NUM_THREADS"] == "4"


@pytest.mark.parametrize(
    ("cpus", "each", "replicas"),
    [(4, 1, 3), (3, 1, 3), (2, 1, 2), (1, 1, 1), (6, 2, 3), (5, 2, 2), (2, 2, 1)],
)
def test_after_a_node_was_lost_as_many_replicas_start_as_there_is_room_for(
    monkeypatch: pytest.MonkeyPatch, cpus: int, each: int, replicas: int
) -> None:
    cluster = _cluster(monkeypatch, cpus, alive=[True, False])
    settings = EngineSettings(engine="ray", replicas=3, tensor_parallel_size=each)

    assert cluster.room_for_replicas(settings, on_gpu=False) == replicas


@pytest.mark.parametrize(("cpus", "alive"), [(2, [True]), (0, [True, False])])
def test_more_replicas_than_the_cluster_ever_had_room_for_are_refused(
    monkeypatch: pytest.MonkeyPatch, cpus: int, alive: list[bool]
) -> None:
    cluster = _cluster(monkeypatch, cpus, alive)

    with pytest.raises(EngineError, match=r"3 replicas need 3 CPUs.*--replicas"):
        cluster.room_for_replicas(EngineSettings(engine="ray", replicas=3), on_gpu=False)


def test_the_parts_of_one_replica_are_on_one_node(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = _cluster(monkeypatch, cpus=3, alive=[True, True])
    settings = EngineSettings(engine="ray", replicas=3, tensor_parallel_size=2)

    with pytest.raises(EngineError, match=r"each replica 2 of one node\), and Ray has 3 \+ 3:"):
        cluster.room_for_replicas(settings, on_gpu=False)


@pytest.mark.slow
def test_processes_of_ray_that_schedule_or_read_import_no_vllm() -> None:
    """They unpickle the dataset one after the other, and vLLM takes 13 s in each."""
    ray = pytest.importorskip("ray", reason="the extra ray is not installed")
    from aris_pipeline.engines.ray_workers import Asked, Replica

    asked: Any = None  # a queue is an actor of Ray's
    (task,) = Asked(asked, "requests").get_read_tasks(1)
    unpickles = (
        f"import pickle, sys; pickle.loads({ray.cloudpickle.dumps((Replica, task))!r}); "
        "print({'torch', 'transformers', 'vllm'} & sys.modules.keys())"
    )

    found = subprocess.run([sys.executable, "-c", unpickles], capture_output=True, check=True)

    assert found.stdout.decode().strip() == "set()"


def _cluster(monkeypatch: pytest.MonkeyPatch, cpus: int, alive: list[bool]) -> ModuleType:
    """The module that looks at Ray, whose living nodes have so many CPUs each."""
    ray = pytest.importorskip("ray", reason="the extra ray is not installed")
    nodes = [{"Alive": one, "Resources": {"CPU": cpus} if one else {}} for one in alive]
    monkeypatch.setattr(ray, "nodes", lambda: nodes)
    return importlib.import_module("aris_pipeline.engines.ray_cluster")
