"""Diffusion as arithmetic: noise schedules and the steps back. It knows nothing of colors."""
