"""Whose readings of a question may count."""

from enum import StrEnum


class Minds(StrEnum):
    """Rules, a model, or both."""

    RULE = "rule"
    MODEL = "model"
    """The model's alone, to measure it; never a default."""
    BOTH = "both"
