"""The query writer's model mind: a flat form, held against the question, said again in the reader's own words.

No query, no column and no value that a model writes reaches a store: `writer` has the whole way, `policy` says when it counts.
"""

from llo11ypop.agents.query_writer.policy import Decision, Minds, decide
from llo11ypop.agents.query_writer.terms import Terms
from llo11ypop.agents.query_writer.writer import Writer, Written

__all__ = ["Decision", "Minds", "Terms", "Writer", "Written", "decide"]
