"""Choices by measurement: model costs, sweeps, runs side by side."""
