"""Talk to a GPU fleet, and hand it a metric to improve.

Two ways in: a question (`llo11ypop.ask`) and the loop that watches goals (`llo11ypop.ooda`). Both turn words
into one typed plan, run it where the telemetry lives, and say only what the returned rows show.
"""

from importlib.metadata import version

__version__ = version("llo11ypop")
