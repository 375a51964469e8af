"""What every section of the settings is made of."""

from datetime import timedelta
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer

from llo11ypop.core.window import format_duration, parse_duration


def _duration(value: object) -> object:
    return parse_duration(value) if isinstance(value, str) else value


Duration = Annotated[timedelta, BeforeValidator(_duration), PlainSerializer(format_duration, return_type=str)]
"""Written '90s', '15m', '24h' or '7d'."""
PositiveDuration = Annotated[Duration, Field(gt=timedelta(0))]


class Section(BaseModel):
    """A part of the settings: unknown keys are refused, values do not change while they are used."""

    model_config = ConfigDict(extra="forbid", frozen=True)
