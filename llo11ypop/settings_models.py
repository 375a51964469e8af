"""The models of the settings: where their file is, and whether their calls are kept. Who answers for what stands in that file."""

from pathlib import Path

from llo11ypop.settings_base import Section


class ModelsSection(Section):
    """Models beside the rule minds; none is asked while the file sets no role."""

    file: Path | None = None
    """None: `models.yaml` beside the other configuration."""
    probed: Path = Path(".llo11ypop/models.json")
    """What `llo11ypop doctor` found out about the endpoints."""
    record: bool = True
    """Keep every call in the ledger, as training data and for the budget of a day."""
