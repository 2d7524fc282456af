import os

import pytest

from aris_pipeline.engines import EngineSettings, server_environment
from aris_pipeline.models.threads import wait_shortly


@pytest.fixture(autouse=True)
def _nobody_chose(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    for name in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY"):
        # Set first, so that what the test leaves behind is taken back.
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)


def test_threads_of_a_cpus_engine_do_not_spin_for_long_and_those_of_a_gpus_as_ever() -> None:
    assert "GOMP_SPINCOUNT" not in server_environment(EngineSettings(), on_gpu=True)
    assert server_environment(EngineSettings(), on_gpu=False)["GOMP_SPINCOUNT"] == "20000"

    wait_shortly()

    assert os.environ["GOMP_SPINCOUNT"] == "20000"


@pytest.mark.parametrize("name", ["GOMP_SPINCOUNT", "OMP_WAIT_POLICY"])
def test_what_a_user_chose_stays(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "7")

    wait_shortly()

    environment = server_environment(EngineSettings(), on_gpu=False)
    assert environment[name] == "7"
    assert len({"GOMP_SPINCOUNT", "OMP_WAIT_POLICY"} & environment.keys()) == 1
