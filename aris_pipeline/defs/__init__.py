"""Dagster definitions: thin bodies over the plain-Python rooms beside this package."""

import warnings

import dagster as dg

# Backfill policies and some sensors are marked beta; saying so at each import helps nobody.
warnings.filterwarnings("ignore", category=dg.BetaWarning)
