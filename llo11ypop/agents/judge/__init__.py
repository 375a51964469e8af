"""The judge of answers: conceptual equivalence by rules."""

from llo11ypop.agents.judge.equivalence import Verdict, equivalent, states

__all__ = ["Verdict", "equivalent", "states"]
