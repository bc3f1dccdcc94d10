"""Faultbox: fault injection, and proof of how services behave when their world breaks."""

__version__ = "0.1.0"
