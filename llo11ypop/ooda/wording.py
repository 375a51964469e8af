"""Have new proposals worded by a model, all at once; what it may not say, or does not answer, stays as the template says it."""

import asyncio

from llo11ypop.agents.writer.facts import Names
from llo11ypop.agents.writer.model_mind import word
from llo11ypop.catalog import Catalog
from llo11ypop.core.fleet import Topology
from llo11ypop.core.proposal import Proposal
from llo11ypop.ooda.decide import Decisions
from llo11ypop.ooda.minds import Mind


def closed_words(catalog: Catalog) -> frozenset[str]:
    """Every value of the fields whose values the catalog lists."""
    fields = (f for d in catalog.datasets.values() for f in d.fields.values())
    return frozenset(value for f in fields if not f.free_text for value in f.values)


async def worded(mind: Mind, made: Decisions, topology: Topology, closed: frozenset[str]) -> list[Proposal]:
    """The new proposals, worded; nothing but title and summary differs from what was given."""

    async def one(proposal: Proposal) -> Proposal:
        hypothesis = made.about.get(proposal.id)
        if hypothesis is None:
            return proposal
        said = await mind.consult(word(mind.models, proposal, hypothesis, Names.of(hypothesis, topology, closed)))
        for why in said.dropped if said else ():
            mind.overruled(why)
        return said.proposal if said else proposal

    return list(await asyncio.gather(*(one(p) for p in made.file)))
