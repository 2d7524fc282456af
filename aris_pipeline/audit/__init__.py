"""Answers an auditor's questions about a batch: is it fair, is it stable, who decided what."""

from aris_pipeline.audit.asking import Asking, version_of_rubric
from aris_pipeline.audit.probe import probe_batch
from aris_pipeline.audit.probe_wording import (
    faults_of_probe,
    probe_in_words,
    stability_in_words,
    suggested_band,
)
from aris_pipeline.audit.stability import measure_stability

__all__ = [
    "Asking",
    "faults_of_probe",
    "measure_stability",
    "probe_batch",
    "probe_in_words",
    "stability_in_words",
    "suggested_band",
    "version_of_rubric",
]
