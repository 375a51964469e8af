"""The guardrail: what is declined before anything is read, and the one line it says."""

from llo11ypop.agents.guardrail.known import CatalogWords, Known
from llo11ypop.agents.guardrail.rules import Guard, Reason, load_guard
from llo11ypop.agents.guardrail.screen import Screened, screen

__all__ = ["CatalogWords", "Guard", "Known", "Reason", "Screened", "load_guard", "screen"]
