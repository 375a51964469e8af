"""The physical environment: cooling, humidity, power, fans, node sensors."""

from llo11ypop.agents.analysts.analyst import Analyst
from llo11ypop.core.vocabulary import Area

ANALYST = Analyst(
    area=Area.ENVIRONMENT,
    title="Physical environment",
    datasets=("node_hw", "facility_env", "facility_power"),
    traps=(
        "Forty hot nodes in one row are one cooling problem.",
        "All eight GPUs warm together when a job starts; the inlet does not move then.",
        "A fan at zero on a node that is powered off is not a failed fan.",
        "A sensor stuck at 0 or 100 % humidity is a broken sensor.",
    ),
)
