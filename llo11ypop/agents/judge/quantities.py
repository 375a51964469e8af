"""Numbers in a sentence: words, separators, suffixes, fractions, per cent, units, durations, and the digits they are given to.

Each becomes a value in the base unit of its dimension, so that '36 minutes and 48 seconds' and '0.613 h' can be compared.
"""

import re
from dataclasses import dataclass, replace

WORDS = {
    w: i
    for i, w in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen"
        " nineteen".split()
    )
} | {"twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90}
_MULTIPLIERS = {"hundred": 100, "thousand": 1000, "million": 10**6, "billion": 10**9}
_FRACTIONS = {"half": 2, "halves": 2, "third": 3, "thirds": 3, "quarter": 4, "quarters": 4, "fifth": 5, "fifths": 5, "tenth": 10}
_OTHER = {"a dozen": "12", "two dozen": "24", "dozen": "12", "a couple of": "2", "a single": "1", "single": "1", "both": "2"}
_NONE = re.compile(
    r"(?i)(?:(?<=^)|(?<=are )|(?<=were )|(?<=was )|(?<=is )|(?<=had )|(?<=has )|(?<=found )|(?<=saw ))"
    r"(?:(?:none|nobody|zero)\b|nothing(?=\W*$)|no (?=[a-z])(?!(?:it|they|there|data|rows|change|answer)\b))"
)
_SUFFIX = {"k": 1e3, "K": 1e3, "M": 1e6, "mn": 1e6, "bn": 1e9, "G": 1e9, "thousand": 1e3, "million": 1e6, "billion": 1e9}

_SCALES: dict[str, dict[str, float]] = {
    "time": {
        "us µs microsecond microseconds": 1e-6, "ms msec millisecond milliseconds": 1e-3, "s sec secs second seconds": 1,
        "m min mins minute minutes": 60, "h hr hrs hour hours": 3600, "d day days": 86400, "w wk week weeks": 604800,
    },
    "ratio": {"% percent percents per_cent pct": 0.01, "‰ permille": 0.001, "ppm": 1e-6},
    "points": {"pp points percentage_points": 1},
    "bytes": {
        "B byte bytes": 1,
        **{f"{p}B {p.lower()}b {p.upper()}B": 1000.0**n for n, p in enumerate("kMGTP", start=1)},
        **{f"{p.upper()}iB {p.upper()}ib": 1024.0**n for n, p in enumerate("kMGTP", start=1)},
    },
    "power": {"W watt watts": 1, "kW KW kilowatt kilowatts": 1e3, "MW megawatt megawatts": 1e6},
    "energy": {"Wh": 1, "kWh": 1e3, "MWh": 1e6},
    "temperature": {"°C ℃ C celsius degC degrees_C degrees_celsius": 1, "°F F fahrenheit degF": 5 / 9, "K kelvin": 1},
    "frequency": {"Hz": 1, "MHz": 1e6, "GHz": 1e9},
    "voltage": {"V volt volts": 1},
    "gpu time": {
        "GPU-h GPU-hour GPU-hours gpu-hour gpu-hours gpu-h GPU_hours GPU_hour gpu_hours": 1,
        "GPU-day GPU-days gpu-day gpu-days": 24, "GPU-s GPU-seconds gpu-seconds": 1 / 3600,
    },
    "money": {"USD dollars dollar $": 1},
    "euros": {"EUR euro euros €": 1},
}  # fmt: skip
"""Dimension → the names of each unit → factor to its base unit."""
_OFFSETS = {"°F": -160 / 9, "K": -273.15}
"""Added after the factor, by the first name of a unit."""
UNITS = {
    name: (dimension, factor, _OFFSETS.get(names.split()[0], 0.0))
    for dimension, scales in _SCALES.items()
    for names, factor in scales.items()
    for name in names.split()
}
"""Unit → (dimension, factor, offset): base value = value × factor + offset."""

NOUNS = (
    "gpu node job rack row cluster link port fan psu switch user run ticket pod event error part technician site region provider "
    "account partition mount line remediation replacement proposal incident alert flap reset reboot restart failure worker step "
    "checkpoint xid server power_supply sensor shift driver cause"
).split()
"""What is counted: three GPUs are not three nodes."""

_UNIT = "|".join(re.escape(u).replace("_", r"[\s-]") for u in sorted(UNITS, key=len, reverse=True))
_NUMBER = r"\d{1,3}(?:[,  '_]\d{3})+(?:\.\d+)?(?!\d)|\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|\.\d+"
_QUANTITY = re.compile(
    rf"(?P<currency>[$€])?(?P<sign>(?<![\w.])[+\-−])?(?P<number>{_NUMBER})(?!\d|(?:st|nd|rd|th)\b)"
    rf"(?P<over>(?:\s?/\s?|\s(?:of|in|out of)\s(?:all\s|the\s)*)(?P<base>{_NUMBER})(?![\w%])"
    r"(?!\s(?:min|hour|h\b|d\b|s\b|day|week|sec)))?"
    rf"(?P<suffix>(?:k|K|M|mn|bn|G)(?![\w])|\s(?:thousand|million|billion)\b)?"
    rf"(?:\s?-?(?P<unit>{_UNIT})(?![A-Za-z]))?"
)
_COMPARED = re.compile(
    r"(?P<gt>more than|over|above|exceed(?:s|ed|ing)?|greater than|upwards of|>)\s*$"
    r"|(?P<lt>less than|fewer than|under|below|<)\s*$"
    r"|(?P<ge>at least|no (?:less|fewer) than|minimum of|≥|>=)\s*$|(?P<le>at most|up to|no more than|maximum of|≤|<=)\s*$"
)


@dataclass(frozen=True, slots=True)
class Quantity:
    """One number as it stands in a sentence."""

    value: float
    """In the base unit of its dimension."""
    dimension: str = ""
    """'' for a bare number."""
    half_digit: float = 0.5
    """Half a unit of the last digit given, in the base unit."""
    whole: bool = True
    """Written without decimals, suffix or unit: a count, compared exactly."""
    noun: str = ""
    compared: str = ""
    """'gt', 'lt', 'ge' or 'le' for 'more than 5' and so on."""
    signed: int = 0
    share_of: float | None = None
    """3 in '3 of 12': the value is then 3, and the ratio may be meant."""
    written: float = 0.0
    """As it stands, before its unit."""
    at: int = 0
    """Where it stands in the text."""

    @property
    def ratio(self) -> float | None:
        """'3 of 12' as 0.25."""
        return self.value / self.share_of if self.share_of else None


def quantities(text: str) -> tuple[Quantity, ...]:
    """Every number of a text in order; parts of one duration are added up."""
    spelled = spell_out(text)
    found: list[tuple[Quantity, int, int]] = []
    for match in _QUANTITY.finditer(spelled):
        before = spelled[match.start() - 1 : match.start()]
        attached = bool(found) and found[-1][2] == match.start()
        if not attached and before and _inside(before, spelled[match.start() - 2 : match.start() - 1]):
            continue
        quantity = _quantity(match, spelled)
        if found and _continues(found[-1][0], quantity, spelled[found[-1][2] : match.start()]):
            last, start, _ = found.pop()
            quantity = replace(last, value=last.value + quantity.value, half_digit=quantity.half_digit)
            found.append((quantity, start, match.end()))
        else:
            found.append((quantity, match.start(), match.end()))
    return tuple(q for q, _, _ in found)


def _inside(before: str, further: str) -> bool:
    """Whether a number is the tail of a name, by the two characters in front of it."""
    return before.isalnum() or (before in "_-/." and further.isalnum())


def _continues(last: Quantity, this: Quantity, between: str) -> bool:
    """Whether '48 seconds' continues '36 minutes and'."""
    return (
        last.dimension == this.dimension == "time"
        and re.fullmatch(r"\s*(?:and|,|, and)?\s*", between) is not None
        and this.half_digit < last.half_digit
        and this.value < last.half_digit * 2
    )


def _quantity(match: re.Match[str], text: str) -> Quantity:
    raw = re.sub(r"[,  '_]", "", match["number"])
    factor = _SUFFIX.get((match["suffix"] or "").strip(), 1.0)
    decimals = len(raw.partition(".")[2]) if "e" not in raw.lower() else 0
    value, half = float(raw) * factor, 0.5 * 10**-decimals * factor
    sign = {"+": 1, "-": -1, "−": -1}.get(match["sign"] or "", 0)
    unit = (match["unit"] or match["currency"] or "").strip()
    dimension, scale, offset = _unit_of(unit)
    compared = _COMPARED.search(text[max(0, match.start() - 16) : match.start()].lower())
    return Quantity(
        value=(value if sign >= 0 else -value) * scale + offset,
        dimension=dimension,
        half_digit=half * scale,
        whole="." not in raw and factor == 1.0 and not dimension,
        noun=_noun(text[match.end() : match.end() + 40]),
        compared=str(compared.lastgroup) if compared else "",
        signed=sign,
        share_of=float(re.sub(r"[,  '_]", "", match["base"])) if match["over"] else None,
        written=value if sign >= 0 else -value,
        at=match.start(),
    )


def _unit_of(unit: str) -> tuple[str, float, float]:
    if not unit:
        return ("", 1.0, 0.0)
    plain = re.sub(r"[\s]", "_", unit)
    return UNITS.get(plain) or UNITS.get(plain.replace("-", "_")) or ("", 1.0, 0.0)


def _noun(after: str) -> str:
    words = re.findall(r"[a-z]+", after.lower().replace("power supplies", "power_supply").replace("power supply", "psu"))[:3]
    for word in words:
        bare = word.removesuffix("es") if word.endswith("ches") else word.removesuffix("s")
        if bare in NOUNS:
            return str(bare)
    return ""


def spell_out(text: str) -> str:
    """Number words as digits, 'none' as 0, 'a quarter' as 1/4; everything else as it stands."""
    text = re.sub(r"(?i)\bper cent\b", "percent", text)
    for words, digits in _OTHER.items():
        text = re.sub(rf"(?i)\b{words}\b", digits, text)
    text = re.sub(
        rf"(?i)\b(?<!and )(?:(a|one|two|three|four)[\s-])({'|'.join(_FRACTIONS)})\b(?!\s*(?:of all|time))?",
        lambda m: f"{_percent(m[1], m[2])} %",
        text,
    )
    text = re.sub(r"(?i)(?<!and a )(?<!first )(?<!second )(?<!other )\bhalf\b(?=\s+(?:of|the|all)\b|\s*$)", "50 %", text)
    simple = "|".join([*sorted(WORDS, key=len, reverse=True), *_MULTIPLIERS])
    text = re.sub(rf"(?i)\b(?:(?:{simple})(?:(?:[\s-]|\sand\s)(?={simple})|\b))+", lambda m: _number_word(m[0]), text)
    return _NONE.sub("0 ", text.strip())


def _percent(count: str, part: str) -> str:
    return repr(round(100 * {"a": 1, **WORDS}[count.lower()] / _FRACTIONS[part.lower()], 9))


def _number_word(text: str) -> str:
    total = current = 0
    words = re.findall(r"[a-z]+", text.lower())
    if all(w in _MULTIPLIERS for w in words):
        return text
    for word in words:
        if word in WORDS:
            current += WORDS[word]
        elif word == "hundred":
            current = max(current, 1) * 100
        elif word in _MULTIPLIERS:
            total, current = total + max(current, 1) * _MULTIPLIERS[word], 0
    tail = " " if text[-1] in " -" else ""
    return f"{total + current}{tail}"


def same(expected: Quantity, got: Quantity) -> bool | None:
    """Whether two numbers mean the same. None where only the unit would tell; a count is never the same as its neighbour."""
    if expected.compared != got.compared:
        return False
    if expected.noun and got.noun and expected.noun != got.noun:
        return False
    if expected.dimension != got.dimension:
        return _across(expected, got)
    if expected.share_of and got.share_of:
        return _close(expected.ratio or 0.0, got.ratio or 0.0, 0.0)
    if expected.whole and got.whole:
        return expected.value == got.value
    return _near(expected, got)


def _near(expected: Quantity, got: Quantity) -> bool:
    """Equal to the digits given. What is counted exactly may not be rounded by writing decimals behind it."""
    if expected.whole and got.half_digit < 0.5:  # noqa: PLR2004 - a bare count against a number with decimals
        return _close(expected.value, got.value, 0.0)
    if got.value == 0 or expected.value == 0:
        return _close(expected.value, got.value, 0.0)
    half = got.half_digit if got.half_digit >= expected.half_digit else min(expected.half_digit, abs(expected.value) * 0.02)
    return _close(expected.value, got.value, half)


def _across(expected: Quantity, got: Quantity) -> bool | None:
    """A number with a unit against one without: the same figure means the same, a share may be written as a fraction of one."""
    one, other = (expected, got) if not expected.dimension else (got, expected)
    if one.dimension:
        return False
    if other.dimension == "ratio":
        share = one.ratio if one.ratio is not None else None if one.whole else one.value
        if share is not None and _close(share, other.value, max(other.half_digit, 0.0 if one.ratio else one.half_digit)):
            return True
        return None if _close(one.written, other.written, 0.0) else False
    return not one.noun and _close(one.written, other.written, 0.0)


def _close(a: float, b: float, within: float) -> bool:
    return abs(a - b) <= within + 1e-9 * max(abs(a), abs(b))
