"""Answers that were given before: the same question to the same model at temperature 0 is not asked twice."""

from collections import OrderedDict

from llo11ypop.models.port import Reply


class Memory:
    """The last `size` answers, by the hash of their request."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._kept: OrderedDict[str, Reply] = OrderedDict()

    def get(self, key: str) -> Reply | None:
        """The answer, which becomes the youngest."""
        if key in self._kept:
            self._kept.move_to_end(key)
        return self._kept.get(key)

    def put(self, key: str, reply: Reply) -> None:
        """Keep an answer; the oldest goes."""
        self._kept[key] = reply
        while len(self._kept) > self._size:
            self._kept.popitem(last=False)
