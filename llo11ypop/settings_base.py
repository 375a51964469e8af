"""What every section of the settings is made of."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, SecretStr

from llo11ypop.core.access import Access
from llo11ypop.core.window import format_duration, parse_duration


def _duration(value: object) -> object:
    return parse_duration(value) if isinstance(value, str) else value


Duration = Annotated[timedelta, BeforeValidator(_duration), PlainSerializer(format_duration, return_type=str)]
"""Written '90s', '15m', '24h' or '7d'."""
PositiveDuration = Annotated[Duration, Field(gt=timedelta(0))]


class Section(BaseModel):
    """A part of the settings: unknown keys are refused, values do not change while they are used."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ServerSection(Section):
    """A server of the operator's, and who asks it."""

    user: str = ""
    password: SecretStr = SecretStr("")
    """Set it by environment or file."""
    ca: Path | None = None
    """Certificates to trust instead of the usual ones."""
    timeout: PositiveDuration = timedelta(seconds=30)

    def reached(self, url: str, token: SecretStr, **more: Any) -> Access:
        """Where it is and who asks."""
        seconds = self.timeout.total_seconds()
        return Access(url, token, self.user, self.password, str(self.ca or ""), seconds, **more)
