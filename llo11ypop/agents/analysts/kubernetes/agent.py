"""Kubernetes: events and node conditions."""

from llo11ypop.agents.analysts.analyst import Analyst
from llo11ypop.core.vocabulary import Area

ANALYST = Analyst(
    area=Area.KUBERNETES,
    title="Kubernetes events and node conditions",
    datasets=("k8s_events", "k8s_node_conditions"),
    traps=("Repeated events are folded: sum `count`, do not count rows.",),
)
