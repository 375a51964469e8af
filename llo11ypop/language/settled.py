"""What has been settled of a question so far, shared by all steps from draft to scope."""

from dataclasses import dataclass, field
from datetime import datetime

from llo11ypop.catalog import Catalog
from llo11ypop.language.draft import Draft
from llo11ypop.language.entries import Thing
from llo11ypop.language.intent import Intent
from llo11ypop.language.lexicon import Lexicon
from llo11ypop.language.quantities import negated
from llo11ypop.language.reach import reachable
from llo11ypop.language.scope import Condition, Quantity, Scope, Threshold
from llo11ypop.language.spot import Item
from llo11ypop.language.times import Times


@dataclass
class Settled:
    """A scope and what must be said with it."""

    scope: Scope
    defaults: list[str] = field(default_factory=list)
    definition: str = ""
    chart: bool = False
    clarify: str = ""
    leftover: list[int] = field(default_factory=list)
    """Item positions that were not used after all."""
    missing: list[str] = field(default_factory=list)
    dated: bool = False
    """The period is about a date that rows name, which may be still to come."""


class Settling:
    """The state of settling one draft."""

    def __init__(
        self,
        draft: Draft,
        items: list[Item],
        times: Times,
        at: datetime,
        catalog: Catalog,
        lexicon: Lexicon,
        shown: tuple[str, ...] = (),
    ) -> None:
        self.draft = draft
        self.shown = shown
        self.items = items
        self.times = times
        self.at = at
        self.catalog = catalog
        self.lexicon = lexicon
        self.dataset = catalog.datasets[draft.dataset]
        self.reach = reachable(catalog, draft.dataset)
        self.out = Settled(Scope(Intent.VALUE))
        self.measures: list[Quantity] = []
        self.filters = list(draft.filters)
        self.having: list[Threshold] = []
        self.part: list[Condition] = []
        self.count_of = ""
        self.fields: tuple[str, ...] = ()
        self.latest = False

    def _thing(self) -> tuple[str, Thing]:
        """What is counted: the thing that is named, the one that a condition belongs to, or the first of the dataset."""
        if self.draft.thing is not None:
            return self.draft.thing
        if self.draft.qualifiers:
            name = self.draft.qualifiers[0][0].split(".")[0]
            return name, self.lexicon.things[name]
        for name, thing in self.lexicon.things.items():
            if thing.dataset == self.draft.dataset:
                return name, thing
        key = self.dataset.grain
        return "row", Thing(
            dataset=self.draft.dataset, noun=self.dataset.description.split(",")[0].split(".")[0].lower(), key=key
        )

    def _condition(self, where: str, no: bool, label: str) -> None:
        text = negated(where) if no else where
        self.filters.append(Condition("", "expr", (text,), f"not {label}" if no else label))

    def _dims(self) -> bool:
        return any(q.recipe and self.lexicon.recipes[q.recipe].dims for q in self.measures)
