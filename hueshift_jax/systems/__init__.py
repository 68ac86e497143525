"""Trainable things: networks, losses and optimizer together, one file per system."""
