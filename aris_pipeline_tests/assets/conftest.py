"""What the scenarios of assets leave out."""

import pytest

from aris_pipeline_tests import fake_aris


@pytest.fixture(autouse=True)
def _no_pictures(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures take a quarter of a run; `test_pictures` and `unit/charts` draw them."""
    if "test_pictures" not in request.node.nodeid:
        fake_aris.draw_nothing(monkeypatch.setattr)
