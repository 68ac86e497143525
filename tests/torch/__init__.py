"""Tests that need PyTorch: `pytest -m torch`."""
