"""Questions that continue the one before them: which operation each word asks for, and the scope that comes of it."""

from llo11ypop.language.draft import Draft
from llo11ypop.language.followup.merging import merged
from llo11ypop.language.followup.shorthand import in_full

__all__ = ["Draft", "in_full", "merged"]
