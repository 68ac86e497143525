"""Layers with parameters that two or more networks use."""
