"""What an analyst is: an area, the data it knows, and the traps it must not fall into."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from llo11ypop.core.evidence import Evidence
from llo11ypop.core.fleet import Topology
from llo11ypop.core.reasoning import Finding
from llo11ypop.core.vocabulary import Area
from llo11ypop.playbooks import PlaybookSet


@dataclass(frozen=True)
class Analyst:
    """One functional area. Its rule mind tests the area's playbooks."""

    area: Area
    title: str
    datasets: tuple[str, ...]
    """What it reads; new rows here are a reason for the director to call it."""
    traps: tuple[str, ...]
    """Known ways to be wrong with this data, one sentence each."""

    def analyse(self, book: PlaybookSet, evidence: Mapping[str, Evidence], topology: Topology, at: datetime) -> list[Finding]:
        """Test the area's playbooks on evidence that was already retrieved.

        Returns one finding per playbook and entity that matches; empty when nothing does. Signals whose data this fleet does
        not export are not evaluable and claim nothing.
        """
        return book.match([self.area], evidence, topology, at)
