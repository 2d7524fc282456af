from importlib.metadata import version
from pathlib import Path

import pytest

from aris_pipeline_tests.lock import disagreements

PYPROJECT = """
[project]
dependencies = ["acme.judge>=2,<3", "tomli>=2; python_version < '3.0'"]
[project.optional-dependencies]
ray = ["Acme_Ray[data]>=2.60"]
gpu = ["vllm>=0.28"]
[dependency-groups]
dev = ["acme-test>=9.1,<9.2"]
"""
LOCK = "acme-judge==2.1.0\nacme-ray==2.60.0\nacme-test==9.1.1\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "pyproject.toml").write_text(PYPROJECT)
    (tmp_path / "requirements.lock").write_text(LOCK)
    (tmp_path / "requirements-overrides.txt").write_text("# none\n")
    return tmp_path


def test_the_lock_has_all_that_pyproject_and_its_own_packages_ask_for() -> None:
    assert disagreements() == []


def test_pins_meet_requirements_whatever_their_spelling_extras_and_markers(project: Path) -> None:
    assert disagreements(project) == []


@pytest.mark.parametrize(
    ("there", "instead", "says"),
    [
        (
            "test==9.1.1",
            "test==9.2.0",
            "acme-test<9.2,>=9.1, requirements.lock pins acme-test==9.2.0",
        ),
        ("acme-ray==2.60.0\n", "", "pyproject.toml asks for Acme_Ray[data]>=2.60, of which"),
    ],
)
def test_a_pin_that_is_another_or_missing_is_named(
    project: Path, there: str, instead: str, says: str
) -> None:
    (project / "requirements.lock").write_text(LOCK.replace(there, instead))

    (said,) = disagreements(project)

    assert says in said


def test_what_an_installed_package_needs_is_named_unless_an_override_leaves_it_out(
    project: Path,
) -> None:
    (project / "pyproject.toml").write_text('[project]\ndependencies = ["pytest-xdist"]')
    (project / "requirements.lock").write_text(f"pytest-xdist=={version('pytest-xdist')}")
    said = "\n".join(disagreements(project))
    assert "asks for execnet" in said
    assert "psutil" not in said

    (project / "requirements-overrides.txt").write_text("execnet; sys_platform == 'never'\n")

    assert "execnet" not in "\n".join(disagreements(project))
