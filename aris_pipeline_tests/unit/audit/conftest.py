"""Logs for scenarios."""

import pytest

from aris_pipeline.storage import DataStore
from aris_pipeline_tests.unit.audit.logged import FAILED, Logged


@pytest.fixture
def logged(store: DataStore) -> Logged:
    """Six candidates, logged: one of them failed, one triaged, one without a score."""
    rows = [{} for _ in range(3)]
    triaged = {**FAILED, "invalid_reason": "triaged"}
    made = Logged(store, [*rows, FAILED, triaged, {"score": None}])
    made.log()
    return made


@pytest.fixture
def grown(logged: Logged) -> Logged:
    """The same after two more runs that changed some verdicts: three files, ten rows."""
    logged.rows[0] = {"score": 1.25}
    logged.rows[3] = {"recommendation": "No"}
    logged.log()
    logged.rows[0] = {"score": 3.75}
    logged.rows[1] = FAILED
    logged.log()
    return logged
