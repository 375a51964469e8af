"""The models of the settings as one port: `NO_MODELS` while no role is set."""

from typing import TYPE_CHECKING

from llo11ypop.core.errors import ConfigError
from llo11ypop.models.config import FILE_NAME, PRESETS, Models, load_models
from llo11ypop.models.port import NO_MODELS, Model
from llo11ypop.settings import Settings, packaged_config

if TYPE_CHECKING:
    from llo11ypop.approvals.ledger import Ledger


def read_models(settings: Settings) -> Models:
    """What `models.yaml` says. Raises ConfigError with file and line."""
    named = settings.models.file
    if named is not None and not named.is_file():
        raise ConfigError(f"no models at {named}", next_step="correct models.file, or leave it out")
    beside = settings.config_dir / PRESETS
    return load_models(named or settings.config_dir / FILE_NAME, beside if beside.is_dir() else packaged_config() / PRESETS)


def models_of(settings: Settings, ledger: "Ledger | None" = None) -> Model:
    """The models; their calls are kept in the ledger, where there is one. Raises ConfigError with file and line."""
    found = read_models(settings)
    if not found.endpoints:
        return NO_MODELS
    from llo11ypop.models.client import Endpoints
    from llo11ypop.models.probed import methods

    record = ledger.model_calls if ledger is not None and settings.models.record else None
    return Endpoints(found, record=record, methods=methods(settings.models.probed, found.endpoints))
