"""Network and latency: ports, links, switches, probes, shared filesystems."""

from llo11ypop.agents.analysts.analyst import Analyst
from llo11ypop.core.vocabulary import Area

ANALYST = Analyst(
    area=Area.NETWORK,
    title="Network, latency and storage paths",
    datasets=("fabric_ports", "switch_metrics", "net_probe", "nvlink_metrics", "fs_metrics"),
    traps=(
        "All ports of one leaf at once are one switch, not many cables.",
        "Single link flaps are harmless and frequent.",
        "A planned switch upgrade takes every link down with it.",
    ),
)
