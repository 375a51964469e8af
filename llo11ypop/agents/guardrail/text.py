"""A question as the guardrail reads it: one alphabet, no hidden characters, quoted data out of the way, words apart."""

import re
import unicodedata

_INVISIBLE = {"Cf", "Cc", "Co", "Cn"}
_QUOTED_DATA = re.compile(
    r"\b(says?|saying|said|contain(?:s|ing|ed)?|with the (?:text|message|words?)|match(?:es|ing)?|like|mention(?:s|ing|ed)?|named"
    r"|called|titled|about|message|text|reads?|reading|phrase|string|include[sd]?|including)"
    r"(?:\s+(?:the|of|as|is|like|word|words|phrase|text))*\s*:?\s*"
    r"(\"[^\"]{1,300}\"|'[^']{1,300}'|“[^”]{1,300}”|‘[^’]{1,300}’|`[^`]{1,300}`)"
)
_WORD = re.compile(r"[^\W_](?:[\w.'’/-]*[^\W_])?")


def normalised(question: str) -> str:
    """Lower case, compatibility forms, straight apostrophes, no zero-width, bidirectional or control characters; lines kept."""
    folded = unicodedata.normalize("NFKC", question).replace("’", "'").replace("‘", "'")
    kept = "".join(c for c in folded if c in "\n\t" or unicodedata.category(c) not in _INVISIBLE)
    return re.sub(r"[^\S\n]+", " ", kept).strip().casefold()


def without_quoted_data(question: str) -> str:
    """Text that is quoted as something to look for, replaced: it is data, not an order."""
    return _QUOTED_DATA.sub(lambda m: f"{m[1]} text", question)


def words(question: str) -> tuple[str, ...]:
    """The words, hyphens and dots inside kept: 'gpu-a-017', '550.54'. A possessive s is dropped."""
    return tuple(w.removesuffix("'s") for w in _WORD.findall(question))
