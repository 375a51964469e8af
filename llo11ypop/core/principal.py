"""Who asks, and what of the fleet they may read. Made from configuration or by the channel, never from the question."""

from dataclasses import dataclass

from llo11ypop.core.errors import Llo11yPopError


class AccessError(Llo11yPopError):
    """A principal asked for what their scope does not cover, or what cannot be confined to it. A retry does not help."""

    reason = "access"


@dataclass(frozen=True, slots=True)
class Principal:
    """A person or program that asks."""

    name: str
    clusters: frozenset[str] | None = None
    """The clusters they may read; none for all, empty for no cluster at all."""
    accounts: frozenset[str] | None = None
    """The accounts whose jobs and runs they may read; none for all."""
    pseudonyms: bool = False
    """Whether people's names are shown to them as pseudonyms."""

    @property
    def confined(self) -> bool:
        """Whether anything is kept from them."""
        return self.clusters is not None or self.accounts is not None


OPERATOR = Principal("operator")
"""Who runs the fleet: reads everything, sees names."""
