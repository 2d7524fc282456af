"""Erases a person, or batches that are too old, for good, unless a legal hold keeps them."""

from aris_pipeline.erasure.erased_files import PAGES
from aris_pipeline.erasure.erasure_plan import ErasurePlan, history_folders, plan_erasure
from aris_pipeline.erasure.history_cleaning import clean_folder
from aris_pipeline.erasure.journaled_erasure import (
    Erasure,
    erase,
    finish_erasure,
    locked,
    remove_batches,
)
from aris_pipeline.erasure.legal_holds import Hold, add_hold, all_holds, refuse_held, release_hold
from aris_pipeline.erasure.retention import batches_kept_by, expired_batches

__all__ = [
    "PAGES",
    "Erasure",
    "ErasurePlan",
    "Hold",
    "add_hold",
    "all_holds",
    "batches_kept_by",
    "clean_folder",
    "erase",
    "expired_batches",
    "finish_erasure",
    "history_folders",
    "locked",
    "plan_erasure",
    "refuse_held",
    "release_hold",
    "remove_batches",
]
