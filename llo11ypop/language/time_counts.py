# ruff: noqa: E501 - patterns are easier to read whole
"""Counts and units of time phrases: 'two weeks', '24 h', 'half an hour'."""

NUMBERS = {
    "a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10,
    "eleven": 11, "twelve": 12, "fourteen": 14, "fifteen": 15, "twenty": 20, "thirty": 30, "sixty": 60, "ninety": 90, "couple of": 2, "couple": 2, "few": 3,
    "twenty four": 24, "twenty-four": 24, "twenty one": 21, "twenty-one": 21, "forty eight": 48, "forty-eight": 48,
    "seventy two": 72, "seventy-two": 72, "thirty six": 36, "thirty-six": 36, "eighteen": 18, "sixteen": 16, "forty": 40, "fifty": 50,
    "thirteen": 13, "forty five": 45, "forty-five": 45, "half": 0.5, "half a": 0.5, "half an": 0.5, "hundred": 100, "a hundred": 100,
}  # fmt: skip
UNIT_S = {"minute": 60, "min": 60, "m": 60, "hour": 3600, "hr": 3600, "h": 3600, "day": 86400, "d": 86400, "week": 604800,
           "wk": 604800, "w": 604800, "fortnight": 1209600, "month": 2592000, "quarter": 7776000, "year": 31536000, "night": 86400}  # fmt: skip
COUNT = r"(?P<n>\d+(?:\.\d+)?|" + "|".join(sorted(NUMBERS, key=len, reverse=True)) + r")"
UNIT = r"(?P<u>minutes?|mins?|hours?|hrs?|days?|weeks?|wks?|fortnights?|months?|quarters?|years?|nights?|[hdwm]\b)"


def count_of(text: str) -> float:
    """The number that a phrase names."""
    text = " ".join(text.split())
    return float(NUMBERS[text]) if text in NUMBERS else float(text)


def unit_of(text: str) -> str:
    """The unit without a plural."""
    text = text.strip()
    return text if text in ("h", "d", "w", "m") else text.rstrip("s")
