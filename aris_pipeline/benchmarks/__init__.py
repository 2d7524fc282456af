"""Measurements of the pipeline itself, outside its tests."""
