"""`make soak`: every fault in full number, and a table of what became of the rows.

`python -m aris_pipeline_tests.soak --only kills --count 20 --seed 1` does a part of it. What was
found goes to `.soak/soak.md` and `.soak/soak.json`; the folder of a try that broke a promise stays
beside them.
"""

import argparse
import functools
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tqdm import tqdm

from aris_pipeline.candidates import FORMATS
from aris_pipeline_tests.soak import memory
from aris_pipeline_tests.soak.audit_simulations import simulate_audits
from aris_pipeline_tests.soak.engine_deaths import (
    PROCESS_FAULTS,
    engine_dies,
    engine_process_ends,
    rows_that_kill,
)
from aris_pipeline_tests.soak.fuzzing import ENCODINGS, fuzz_encodings, fuzz_formats
from aris_pipeline_tests.soak.impact_simulations import simulate_impact
from aris_pipeline_tests.soak.kills import kill_everywhere, kill_with_vllm
from aris_pipeline_tests.soak.label_simulations import simulate
from aris_pipeline_tests.soak.partitions import STORAGES, partitions
from aris_pipeline_tests.soak.processes import Workshop
from aris_pipeline_tests.soak.replicas import kill_a_replica, kill_the_driver, lose_a_node
from aris_pipeline_tests.soak.results import Results, Try
from aris_pipeline_tests.soak.resume import resume
from aris_pipeline_tests.soak.stops import SIGNALS, stop_by_signal
from aris_pipeline_tests.soak.storage import storage_fails
from aris_pipeline_tests.soak.storage_faults import FAULTS
from aris_pipeline_tests.soak.terminations import terminate
from aris_pipeline_tests.soak.together import run_together


@dataclass(frozen=True)
class Section:
    """A kind of fault.

    Attributes:
        tries: yields the tries; takes a workshop, rows, count, seed, and how many to skip.
        rows: of a batch.
        count: of tries, of each fault in the section.
        faults: how many there are.
    """

    tries: Callable[..., Iterator[Try]]
    rows: int
    count: int
    faults: int = 1


_vllm_stops = functools.partial(stop_by_signal, engine="vllm")
_fake_stops = functools.partial(stop_by_signal, seconds_per_row=0.01)
_vllm_terminations = functools.partial(terminate, engine="vllm")
_fake_terminations = functools.partial(terminate, seconds_per_row=0.01)

SECTIONS = {
    "kills": Section(kill_everywhere, 2_000, 200),
    "kills-vllm": Section(kill_with_vllm, 40, 10),
    "engine": Section(engine_dies, 500, 20),
    "poison": Section(rows_that_kill, 500, 10),
    "engine-vllm": Section(engine_process_ends, 40, 2, faults=len(PROCESS_FAULTS)),
    "replicas": Section(kill_a_replica, 40, 10),
    "node": Section(lose_a_node, 40, 3),
    "driver": Section(kill_the_driver, 40, 10),
    "storage": Section(storage_fails, 500, 10, faults=len(FAULTS)),
    "stops": Section(_fake_stops, 1_000, 3, faults=len(SIGNALS)),
    "stops-vllm": Section(_vllm_stops, 40, 3, faults=len(SIGNALS)),
    "terminate": Section(_fake_terminations, 1_000, 3),
    "terminate-vllm": Section(_vllm_terminations, 40, 3),
    "together": Section(run_together, 60, 10),
    "fuzz": Section(fuzz_formats, 100_000, 1, faults=len(FORMATS)),
    "encodings": Section(fuzz_encodings, 20_000, 1, faults=len(ENCODINGS)),
    "labels": Section(simulate, 2_000, 1, faults=3),
    "impact": Section(simulate_impact, 5_000, 1, faults=3),
    "audits": Section(simulate_audits, 500, 1, faults=2),
    "memory": Section(memory.tries, 200_000, 1),
    "resume": Section(resume, 200_000, 1),
    "partitions": Section(partitions, 50_000_000, 1, faults=len(STORAGES)),
}


def main() -> None:
    """Runs the chosen sections and prints the table."""
    parser = argparse.ArgumentParser(prog="soak", description=__doc__)
    parser.add_argument("--only", choices=SECTIONS, action="append", help="may be given twice")
    parser.add_argument("--count", type=int, help="tries of each fault")
    parser.add_argument("--rows", type=int, help="rows of a batch")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--resume", action="store_true", help="go on where a soak test was ended")
    chosen = parser.parse_args()
    # As Ctrl-C, so that the processes under test end with this one.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    workshop = Workshop(memory.FOLDER.absolute())
    results = Results(workshop.root)
    for name in chosen.only or SECTIONS:
        section = SECTIONS[name]
        done = results.count(name) if chosen.resume else results.forget(name)
        count = chosen.count or section.count
        with tqdm(total=count * section.faults, initial=done, desc=name, unit="tries") as bar:
            rows = chosen.rows or section.rows
            for one in section.tries(workshop, rows, count, chosen.seed, skip=done):
                results.add(name, one)
                bar.update()
    print(results)  # noqa: T201 - the result of the command
    sys.exit(0 if results.ok else 1)


if __name__ == "__main__":
    main()
