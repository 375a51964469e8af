"""What a statement is about: one GPU, a node, a rack, a switch, a run, a whole cluster."""

from dataclasses import dataclass

from llo11ypop.core.vocabulary import Level


@dataclass(frozen=True, slots=True, order=True)
class Entity:
    """One thing of the fleet. Written `node:gpu-a-017`."""

    level: Level
    id: str

    @classmethod
    def parse(cls, text: str) -> "Entity":
        """Read `level:id` back; the id may itself contain colons. Raises ValueError."""
        level, _, name = text.partition(":")
        if not name:
            raise ValueError(f"'{text}' is not an entity; write level:id, for example node:gpu-a-017")
        return cls(Level(level), name)

    def __str__(self) -> str:
        """`level:id`."""
        return f"{self.level}:{self.id}"
