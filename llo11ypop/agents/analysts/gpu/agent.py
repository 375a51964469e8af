"""GPU operating parameters: temperature, power, clocks, memory errors, XIDs."""

from llo11ypop.agents.analysts.analyst import Analyst
from llo11ypop.core.vocabulary import Area

ANALYST = Analyst(
    area=Area.GPU,
    title="GPU operating parameters",
    datasets=("gpu_metrics", "gpu_events", "remediations"),
    traps=(
        "The xid_last gauge is sticky: it names the last XID, not a present fault.",
        "An XID row may be delivered twice by two collectors; repeats within five seconds on one GPU are one event.",
        "A counter that falls to zero was reset by a restart; it did not go negative.",
        "A missing sensor is not zero degrees, and a blank is not hot.",
        "The software power cap is normal operation at the power limit.",
    ),
)
