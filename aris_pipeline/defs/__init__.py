"""Dagster definitions: thin bodies over the plain-Python rooms beside this package."""

import warnings

import dagster as dg

# Backfill policies and some sensors are marked beta, and the partitions of a check preview; saying
# so at each import helps nobody.
warnings.filterwarnings("ignore", category=dg.BetaWarning)
warnings.filterwarnings("ignore", category=dg.PreviewWarning)
