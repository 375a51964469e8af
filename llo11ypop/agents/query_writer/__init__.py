"""The query writer's model mind: a flat form, held against the question, said again in the reader's own words.

No query, no column and no value that a model writes reaches a store: `writer` has the whole way, `policy` says when it counts.
"""
