"""The analysts, one package per functional area. Adding one means adding a package; there is no list to edit."""

import importlib
import pkgutil
from functools import cache

from llo11ypop.agents.analysts.analyst import Analyst
from llo11ypop.core.vocabulary import Area


@cache
def analysts() -> dict[Area, Analyst]:
    """Every analyst found in this package, by area, in the order of `Area`."""
    found = {}
    for module in pkgutil.iter_modules(__path__):
        if module.ispkg:
            agent = importlib.import_module(f"{__name__}.{module.name}.agent")
            found[agent.ANALYST.area] = agent.ANALYST
    return {area: found[area] for area in Area if area in found}
