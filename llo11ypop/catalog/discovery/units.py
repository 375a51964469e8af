"""Whether sampled values are in the catalog's unit, and by what they are multiplied where they are not."""

from collections.abc import Iterable
from typing import Any

from llo11ypop.catalog.models import FieldSpec, ForeignName
from llo11ypop.query.compile.duckdb_rows import BLANKS_32

OTHERS: dict[str, tuple[tuple[str, float, float], ...]] = {
    "%": (("1", 100.0, 0.0),),
    "1": (("%", 0.01, 0.0),),
    "MiBy": (("By", 2.0**-20, 0.0), ("KiBy", 2.0**-10, 0.0), ("GiBy", 1024.0, 0.0)),
    "By": (("KiBy", 1024.0, 0.0), ("MiBy", 2.0**20, 0.0)),
    "W": (("mW", 1e-3, 0.0), ("kW", 1e3, 0.0)),
    "Cel": (("K", 1.0, -273.15), ("mCel", 1e-3, 0.0)),
    "MHz": (("Hz", 1e-6, 0.0), ("kHz", 1e-3, 0.0), ("GHz", 1e3, 0.0)),
    "s": (("ms", 1e-3, 0.0), ("min", 60.0, 0.0)),
    "ms": (("s", 1e3, 0.0), ("us", 1e-3, 0.0)),
    "ns": (("us", 1e3, 0.0), ("ms", 1e6, 0.0), ("s", 1e9, 0.0)),
    "mJ": (("J", 1e3, 0.0),),
    "By/s": (("bit/s", 0.125, 0.0),),
}
"""Catalog's unit (UCUM) → units that others use for the same, the likeliest first, with factor and offset."""
_BLANK_64 = 9.2e18
"""Below every 64-bit blank of DCGM, as a float of any width holds them."""
_MOST = 0.5
"""More of the sample than this must lie among the readings (our assumption: blanks are common, most values are none)."""


def declared(spec: FieldSpec, foreign: ForeignName, unit: str) -> ForeignName:
    """The name with the conversion for the unit that the store declares; as it is where the alias table says one itself."""
    if foreign.unit or not unit or unit == spec.unit:
        return foreign
    for other, factor, offset in OTHERS.get(spec.unit, ()):
        if other == unit:
            said = f"declared as {unit}; the catalog has {spec.unit}"
            return foreign.model_copy(update={"factor": factor, "offset": offset, "unit": unit, "note": _joined(foreign, said)})
    return foreign.model_copy(
        update={"note": _joined(foreign, f"declared as {unit}, and the catalog has {spec.unit}: look at it")}
    )


def checked(spec: FieldSpec, foreign: ForeignName, values: Iterable[Any]) -> ForeignName | str:
    """The name as its values ask to be read, or why they cannot be readings of the field."""
    if not spec.numeric:
        return _listed(spec, foreign, values)
    numbers = [float(v) for v in values if isinstance(v, (int, float)) and not isinstance(v, bool)]
    numbers = [n for n in numbers if not _blank(n) and n * foreign.factor + foreign.offset not in spec.absent]
    if not numbers:
        return foreign
    if spec.unit == "%" and max(numbers) <= 1 and foreign.factor == 1.0:
        return _share(foreign, numbers)
    if spec.valid is None or _inside(spec.valid, foreign, numbers):
        return foreign
    others = [
        foreign.model_copy(update={"factor": factor, "offset": offset, "unit": unit})
        for unit, factor, offset in OTHERS.get(spec.unit, ())
    ]
    if fitting := [other for other in others if _inside(spec.valid, other, numbers)]:
        said = f"sampled values {_span(numbers)} are no {spec.unit}, but {fitting[0].unit}"
        also = f" ({', '.join(f.unit for f in fitting[1:])} would fit too: look at it)" if len(fitting) > 1 else ""
        return fitting[0].model_copy(update={"note": _joined(foreign, said + also)})
    low, high = spec.valid
    return f"'{foreign.name}' reads {_span(numbers)}, and a reading lies in {low:g} … {high:g} {spec.unit}".rstrip()


def _share(foreign: ForeignName, numbers: list[float]) -> ForeignName:
    if any(0 < n < 1 for n in numbers):
        said = f"sampled values {_span(numbers)}: a ratio, read as per cent"
        return foreign.model_copy(update={"factor": 100.0, "unit": "1", "note": said})
    said = "only 0 and 1 in the sample, taken for per cent: discover again while the fleet works"
    return foreign.model_copy(update={"note": _joined(foreign, said)})


def _listed(spec: FieldSpec, foreign: ForeignName, values: Iterable[Any]) -> ForeignName:
    odd = sorted({str(v) for v in values} - set(spec.values)) if spec.values else []
    if not odd:
        return foreign
    shown = ", ".join(odd[:5]) + (" …" if len(odd) > 5 else "")  # noqa: PLR2004
    return foreign.model_copy(update={"note": _joined(foreign, f"values that the catalog does not know: {shown}")})


def _blank(number: float) -> bool:
    return number != number or number >= _BLANK_64 or BLANKS_32[0] <= number <= BLANKS_32[-1]  # noqa: PLR0124 - NaN


def _inside(valid: tuple[float, float], foreign: ForeignName, numbers: list[float]) -> bool:
    low, high = valid
    return sum(low <= n * foreign.factor + foreign.offset <= high for n in numbers) > _MOST * len(numbers)


def _span(numbers: list[float]) -> str:
    low, high = min(numbers), max(numbers)
    return f"{low:g}" if low == high else f"{low:g} … {high:g}"


def _joined(foreign: ForeignName, said: str) -> str:
    return f"{foreign.note}; {said}" if foreign.note else said
