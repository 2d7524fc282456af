"""Will it fit, how long will it take: answered from a model's config, before anything is loaded."""

from aris_pipeline.planning.hardware import Hardware, find_hardware, this_machine
from aris_pipeline.planning.plan import PROJECTED_ROWS, Model, Plan, make_plan
from aris_pipeline.planning.prediction import misfit, predictor
from aris_pipeline.planning.workload import Workload, declared, of_batch

__all__ = [
    "PROJECTED_ROWS",
    "Hardware",
    "Model",
    "Plan",
    "Workload",
    "declared",
    "find_hardware",
    "make_plan",
    "misfit",
    "of_batch",
    "predictor",
    "this_machine",
]
