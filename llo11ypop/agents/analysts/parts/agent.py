"""Parts and supply chain: replacements, stock, repeat failures of a node."""

from llo11ypop.agents.analysts.analyst import Analyst
from llo11ypop.core.vocabulary import Area

ANALYST = Analyst(
    area=Area.PARTS,
    title="Parts, supply chain and repeat offenders",
    datasets=("parts_replacements", "supply_chain", "tickets", "technicians"),
    traps=("A GPU moves between nodes after a swap: join on the interval, not on the node.",),
)
