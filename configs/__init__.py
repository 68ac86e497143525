"""Experiments: one file each, `config()` returns a TrainConfig."""
