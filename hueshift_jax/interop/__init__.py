"""Weights of other frameworks, read without executing them."""
