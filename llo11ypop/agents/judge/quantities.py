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

UNITS: dict[str, tuple[str, float, float]] = {}
"""Unit → (dimension, factor, offset): base value = value × factor + offset."""


def _units(dimension: str, factor: float, names: str, offset: float = 0.0) -> None:
    for name in names.split():
        UNITS[name] = (dimension, factor, offset)


_units("time", 1e-6, "us µs microsecond microseconds")
_units("time", 1e-3, "ms msec millisecond milliseconds")
_units("time", 1, "s sec secs second seconds")
_units("time", 60, "m min mins minute minutes")
_units("time", 3600, "h hr hrs hour hours")
_units("time", 86400, "d day days")
_units("time", 604800, "w wk week weeks")
_units("ratio", 0.01, "% percent percents per_cent pct")
_units("ratio", 0.001, "‰ permille")
_units("ratio", 1e-6, "ppm")
_units("points", 1, "pp points percentage_points")
_units("bytes", 1, "B byte bytes")
for _power, _letter in enumerate("kMGTP", start=1):
    _units("bytes", 1000.0**_power, f"{_letter}B {_letter.lower()}b {_letter.upper()}B")
    _units("bytes", 1024.0**_power, f"{_letter.upper()}iB {_letter.upper()}ib")
_units("power", 1, "W watt watts")
_units("power", 1e3, "kW KW kilowatt kilowatts")
_units("power", 1e6, "MW megawatt megawatts")
_units("energy", 1, "Wh")
_units("energy", 1e3, "kWh")
_units("energy", 1e6, "MWh")
_units("temperature", 1, "°C ℃ C celsius degC degrees_C degrees_celsius")
_units("temperature", 5 / 9, "°F F fahrenheit degF", -160 / 9)
_units("temperature", 1, "K kelvin", -273.15)
_units("frequency", 1, "Hz")
_units("frequency", 1e6, "MHz")
_units("frequency", 1e9, "GHz")
_units("voltage", 1, "V volt volts")
_units("gpu time", 1, "GPU-h GPU-hour GPU-hours gpu-hour gpu-hours gpu-h GPU_hours GPU_hour gpu_hours")
_units("gpu time", 24, "GPU-day GPU-days gpu-day gpu-days")
_units("gpu time", 1 / 3600, "GPU-s GPU-seconds gpu-seconds")
_units("money", 1, "USD dollars dollar $")
_units("money", 1.0, "EUR euro euros €")
UNITS["EUR"] = UNITS["euro"] = UNITS["euros"] = UNITS["€"] = ("euros", 1, 0)

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
