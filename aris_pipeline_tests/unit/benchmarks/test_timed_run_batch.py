"""Where vLLM's `run-batch` is found, and what is said if it cannot be imported."""

from types import SimpleNamespace

import pytest

from aris_pipeline.benchmarks import timed_run_batch


def imports_without(missing: str, imported: list[str]) -> SimpleNamespace:
    """Stands in for `importlib` where one module is not there."""

    def import_module(name: str) -> SimpleNamespace:
        imported.append(name)
        if "launchers" in name:
            raise ModuleNotFoundError(f"No module named '{missing}'", name=missing)
        raise KeyboardInterrupt  # found: the test needs no more

    return SimpleNamespace(import_module=import_module)


@pytest.mark.parametrize(
    ("missing", "ends_by"),
    [("vllm.entrypoints.launchers", KeyboardInterrupt), ("some_library", ModuleNotFoundError)],
    ids=["vLLM before 0.32", "a library of vLLM's"],
)
def test_only_an_older_vllm_has_it_elsewhere(
    monkeypatch: pytest.MonkeyPatch, missing: str, ends_by: type[BaseException]
) -> None:
    imported: list[str] = []
    monkeypatch.setattr(timed_run_batch, "importlib", imports_without(missing, imported))
    monkeypatch.setattr("sys.argv", ["timed_run_batch", "seconds"])

    with pytest.raises(ends_by):
        timed_run_batch.main()

    assert len(imported) == 1 + (ends_by is KeyboardInterrupt)
