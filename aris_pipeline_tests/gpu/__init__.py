"""Measures speed on a GPU with the shape of a real model; CONTRIBUTING.md says how."""
