"""Engines and peers measured side by side, what their answers are worth, and a decision."""

from aris_pipeline.benchmarks import cells
from aris_pipeline.benchmarks.benchmarks_page import write_report
from aris_pipeline.benchmarks.blocks import Plan
from aris_pipeline.benchmarks.contest import ENGINES, PEERS, Contest, run_contest
from aris_pipeline.benchmarks.deciding import decided_engine, write_decision
from aris_pipeline.benchmarks.decision import Decision, as_dict, decide
from aris_pipeline.benchmarks.history import BESIDE_PEERS, History
from aris_pipeline.benchmarks.quality import read_gold
from aris_pipeline.benchmarks.tuning import MIN_AGREEMENT, Grid, Tuning, rows_to_ask, tune
from aris_pipeline.benchmarks.weights import DecisionSettings
from aris_pipeline.benchmarks.workload import FileSource, ShapeSource, Source

__all__ = [
    "BESIDE_PEERS",
    "ENGINES",
    "MIN_AGREEMENT",
    "PEERS",
    "Contest",
    "Decision",
    "DecisionSettings",
    "FileSource",
    "Grid",
    "History",
    "Plan",
    "ShapeSource",
    "Source",
    "Tuning",
    "as_dict",
    "cells",
    "decide",
    "decided_engine",
    "read_gold",
    "rows_to_ask",
    "run_contest",
    "tune",
    "write_decision",
    "write_report",
]
