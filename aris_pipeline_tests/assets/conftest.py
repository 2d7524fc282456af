"""Scenarios of assets do not look at pictures: `unit/charts` and the browser's do."""

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg


@pytest.fixture(autouse=True)
def _pictures_stay_blank(monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawing would take a fifth of a run."""
    monkeypatch.setattr(FigureCanvasAgg, "draw", lambda _canvas: None)
