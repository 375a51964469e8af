"""Whose model reads a question: the analyst's of its area where one is set, the query writer's otherwise."""

from collections.abc import Iterable

from llo11ypop.core.vocabulary import Area
from llo11ypop.models.config import ANALYSTS
from llo11ypop.models.port import Model, Role, role_of


def writer_role(models: Model, areas: Iterable[Area]) -> str:
    """The role that is asked about a question of these areas, the first one first; empty where none is set."""
    wanted = (*(role_of(a) for a in areas), Role.QUERY_WRITER.value, ANALYSTS)
    return next((role for role in wanted if models.has(role)), "")


def any_writer(models: Model) -> bool:
    """Whether there is an area whose questions a model reads."""
    return bool(writer_role(models, Area))
