"""A follow-up as it was read, handed from one operation to the next."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from llo11ypop.language.draft import Draft
from llo11ypop.language.followup.operations import Said, fields_of
from llo11ypop.language.followup.ties import Tie
from llo11ypop.language.reach import called, reachable
from llo11ypop.language.scope import Scope
from llo11ypop.language.settled import Settled
from llo11ypop.language.spot import Spotted
from llo11ypop.language.times import Times
from llo11ypop.language.words import Token

if TYPE_CHECKING:
    from llo11ypop.language.reader import Reader

COUNTED = frozenset({"count", "count_distinct", "increase", "rate"})
"""Aggregates that have no median."""
PLACES = (
    "continent",
    "region",
    "zone",
    "provider",
    "site",
    "cluster",
    "room",
    "row",
    "rack",
    "node_id",
    "gpu_uuid",
)
"""Where things stand, widest first."""


class UnclearError(Exception):
    """A follow-up that cannot be understood; the message asks back. Never leaves the reader."""


@dataclass(slots=True)
class Turn:
    """A follow-up read under one dataset."""

    reader: "Reader"
    question: str
    text: str
    words: list[Token]
    times: Times
    at: datetime
    tie: Tie
    said: Said
    spotted: Spotted
    settled: Settled
    draft: Draft
    old: Draft | None = None
    """What stands behind 'instead of'."""
    home: str = ""
    """The dataset of the question before."""
    measured: bool = False
    """Whether it names a measure of its own."""
    notes: list[str] = field(default_factory=list)
    """What must be said beside what was kept and what was changed."""

    @property
    def dataset(self) -> str:
        """Under which the words were read."""
        return self.spotted.dataset

    def own(self, words: str) -> tuple[str, ...]:
        """Fields of a dimension under the names that the dataset has for them."""
        return self.own_fields(fields_of(words, self.reader.index))

    def own_fields(self, fields: tuple[str, ...]) -> tuple[str, ...]:
        """Fields under the names that the dataset has for them."""
        reach = reachable(self.reader.catalog, self.dataset)
        return tuple(dict.fromkeys(called(f, reach) for f in fields))


def dataset_of(scope: Scope) -> str:
    """The dataset that a scope is about; empty for a verified question."""
    return scope.measures[0].dataset if scope.measures else scope.dataset
