"""A fake endpoint of the OpenAI protocol, for tests and for trying things out. Its answers are scripted and mean nothing."""

from llo11ypop.models.fake.rules import FAULTS, Rule, load_rules
from llo11ypop.models.fake.server import FakeModelServer

__all__ = ["FAULTS", "FakeModelServer", "Rule", "load_rules"]
