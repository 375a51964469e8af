"""The director's rule mind: which analysts to call in this cycle, and why.

An analyst is called for each goal of its area that is breached, drifting or cannot be measured, for telemetry of its area that
fell silent, and for new rows in the data it reads. An analyst with none of these reasons is left alone.
"""

from collections.abc import Iterable, Mapping

from llo11ypop.agents.analysts.analyst import Analyst
from llo11ypop.core.reasoning import Observation, ObservationKind
from llo11ypop.core.vocabulary import Area

_CALLING = frozenset(ObservationKind) - {ObservationKind.OK}


def assign(observations: Iterable[Observation], analysts: Mapping[Area, Analyst]) -> dict[Area, list[str]]:
    """The analysts to call and the reasons, one short phrase each; in the order of `Area`."""
    reasons: dict[Area, list[str]] = {}
    for seen in observations:
        if seen.kind in _CALLING:
            for area in seen.areas:
                reasons.setdefault(area, []).append(f"{seen.kind}: {seen.subject}")
    return {area: reasons[area] for area in analysts if area in reasons}
