"""Investigators: rule minds that answer what no single plan answers, one module per kind of question."""

from llo11ypop.agents.investigators.dispatch import INTENTS, investigate
from llo11ypop.agents.investigators.records import Cause, Ground, Investigated

__all__ = ["INTENTS", "Cause", "Ground", "Investigated", "investigate"]
