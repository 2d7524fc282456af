"""Compares requirements.lock with what pyproject.toml asks for, also by `python -m`.

`make setup` installs the lock without a resolver, so nothing else would notice that they disagree.
"""

import sys
import tomllib
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[1]

EXTRAS = ("cpu", "ollama", "ray", "s3", "postgres", "docs")
GROUPS = ("dev", "demo-model")
"""What `make lock` resolves; the extra `gpu` is for hosts that bring a vLLM of their own."""


def disagreements(project: Path = ROOT) -> list[str]:
    """Names every requirement that no pin of the lock meets, those of installed packages too.

    Args:
        project: the directory of pyproject.toml, requirements.lock and requirements-overrides.txt.
    """
    pins = {
        canonicalize_name(pin.name): Version(next(iter(pin.specifier)).version)
        for pin in _requirements(project / "requirements.lock")
    }
    overrides = {
        canonicalize_name(override.name): override
        for override in _requirements(project / "requirements-overrides.txt")
    }
    found: list[str] = []
    seen: set[str] = set()
    open_ends = [("pyproject.toml", asked) for asked in _asked_for(project / "pyproject.toml")]
    while open_ends:
        who, stated = open_ends.pop()
        asked = overrides.get(canonicalize_name(stated.name), stated)
        if (text := f"{who} {asked}") in seen or not _applies(asked):
            continue
        seen.add(text)
        pin = pins.get(canonicalize_name(asked.name))
        if pin is None:
            found.append(f"{who} asks for {asked}, of which requirements.lock has no pin")
        elif not asked.specifier.contains(pin, prereleases=True):
            found.append(f"{who} asks for {asked}, requirements.lock pins {asked.name}=={pin}")
        else:
            open_ends += [(f"{asked.name} {pin}", next_) for next_ in _needs(asked, pin)]
    return sorted(found)


def _asked_for(pyproject: Path) -> Iterator[Requirement]:
    stated = tomllib.loads(pyproject.read_text())
    extras = stated["project"].get("optional-dependencies", {})
    groups = stated.get("dependency-groups", {})
    chosen = [stated["project"]["dependencies"]]
    chosen += [extras[name] for name in EXTRAS if name in extras]
    chosen += [groups[name] for name in GROUPS if name in groups]
    for texts in chosen:
        yield from map(Requirement, texts)


def _requirements(file: Path) -> list[Requirement]:
    lines = (line.partition("#")[0].strip() for line in file.read_text().splitlines())
    return [Requirement(line) for line in lines if line]


def _needs(asked: Requirement, pin: Version) -> Iterator[Requirement]:
    """What a pinned package needs itself, where exactly this version is installed."""
    try:
        installed = metadata.distribution(asked.name)
    except metadata.PackageNotFoundError:
        return
    if Version(installed.version) != pin:
        return
    for text in installed.requires or ():
        need = Requirement(text)
        if any(_applies(need, extra) for extra in ("", *asked.extras)):
            need.marker = None
            yield need


def _applies(asked: Requirement, extra: str = "") -> bool:
    return asked.marker is None or asked.marker.evaluate({"extra": extra})


if __name__ == "__main__":
    sys.exit("\n".join(disagreements()) or None)
