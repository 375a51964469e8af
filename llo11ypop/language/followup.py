"""A question that continues the one before it: what it says is changed, everything else is inherited and said."""

from datetime import datetime
from typing import TYPE_CHECKING

from llo11ypop.language.draft import Draft
from llo11ypop.language.reading import Reading
from llo11ypop.language.scope import Scope
from llo11ypop.language.times import Times
from llo11ypop.language.words import Token

if TYPE_CHECKING:
    from llo11ypop.language.reader import Reader

__all__ = ["Draft", "merged"]


def merged(reader: "Reader", question: str, text: str, words: list[Token], times: Times, at: datetime, previous: Scope) -> Reading | None:
    """The reading of a follow-up; none when the question stands alone."""
    return None
