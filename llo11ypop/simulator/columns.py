"""A column of words that repeat: codes into a list. Millions of rows without millions of strings."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Words:
    """`words[codes[i]]` is the value of row i; a negative code is an empty text."""

    codes: NDArray[Any]
    words: list[str]

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.codes)

    def take(self, index: NDArray[Any]) -> "Words":
        """Some rows."""
        return Words(self.codes[index], self.words)

    def texts(self) -> NDArray[Any]:
        """The values as an object array."""
        listed: NDArray[Any] = np.array([*self.words, ""], dtype=object)
        return np.asarray(listed[self.codes])
