"""A little of `make soak`: kill -9 in every stage, and engines that die, as processes.

Stops by signal stand in `test_command_line.py`, storage faults in `assets/test_storage_faults.py`.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from aris_pipeline_tests.soak.engine_deaths import engine_dies, rows_that_kill
from aris_pipeline_tests.soak.kills import OPERATIONS_A_SHARD, Batch, chain, plan
from aris_pipeline_tests.soak.processes import Workshop
from aris_pipeline_tests.soak.results import Try

pytestmark = pytest.mark.system

SEED = 1
KILLS = 4
ROWS = 200
AT_RISK = 16
SECONDS_A_STAGE = 0.5
CORES = 2

Faults = Callable[[Workshop], list[Try]]


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    return Workshop(tmp_path)


def at_once(workshop: Workshop, *faults: Faults) -> list[Try]:
    """Processes spend much of their time on starting: as many at once as there are cores."""
    with ThreadPoolExecutor(CORES) as pool:
        return [one for tries in pool.map(lambda fault: fault(workshop), faults) for one in tries]


def test_four_kills_lose_no_row_and_judge_none_twice(workshop: Workshop) -> None:
    batch = Batch(
        ROWS,
        shard_sizes=(ROWS // 4, ROWS),
        fake={"seconds_per_row": 0.005, "rows_at_risk": AT_RISK},
        stage_seconds=dict.fromkeys(OPERATIONS_A_SHARD, SECONDS_A_STAGE),
        at_risk=AT_RISK,
    )

    def killed(number: int, stages: list[str]) -> Faults:
        return lambda workshop: chain(workshop, batch, stages, number, SEED)

    chains = plan(KILLS, chain_length=2)
    tries = at_once(workshop, *(killed(number, stages) for number, stages in enumerate(chains)))

    assert len(tries) == KILLS
    assert len({one.fault for one in tries}) == KILLS
    assert [one for one in tries if not one.ok] == []


def test_a_run_gets_over_engines_that_die_and_rows_that_kill_them(workshop: Workshop) -> None:
    tries = at_once(
        workshop,
        lambda workshop: list(engine_dies(workshop, ROWS, 1, SEED)),
        lambda workshop: list(rows_that_kill(workshop, ROWS, 1, SEED)),
    )

    assert [one.fault for one in tries] == ["engine: dies at work", "engine: a row kills it"]
    assert [one for one in tries if not one.ok] == []
