"""A folder: three files per report, each appearing whole or not at all."""

import asyncio
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from llo11ypop.report.delivery import Letter, NotDelivered
from llo11ypop.report.letter import file_name


@dataclass(frozen=True, slots=True)
class Folder:
    """Writes `report-night-2026-05-14-….html`, `.md` and `.json`."""

    path: Path
    formats: tuple[str, ...] = ("html", "md", "json")
    name: str = "folder"
    repeatable: bool = True

    async def deliver(self, letter: Letter) -> str:
        """The path of the first file. Raises NotDelivered where the folder cannot be written."""
        return str(await asyncio.to_thread(self._write, letter))

    def _write(self, letter: Letter) -> Path:
        texts: Mapping[str, str] = {"html": letter.html, "md": letter.markdown, "json": letter.json}
        written = [self.path / f"{file_name(letter)}.{ending}" for ending in self.formats]
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            for path, ending in zip(written, self.formats, strict=True):
                _whole(path, texts[ending])
        except OSError as bad:
            raise NotDelivered(
                f"the report cannot be written to {self.path}: {bad.strerror}", next_step="check the folder and free space"
            ) from bad
        return written[0]


def _whole(path: Path, text: str) -> None:
    """Write beside it, then rename over it: a reader sees the old file or the new one."""
    with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=f".{path.name}.", delete=False, encoding="utf-8") as made:
        temporary = Path(made.name)
        try:
            made.write(text)
            made.flush()
            os.fsync(made.fileno())
            temporary.chmod(0o644)
            temporary.replace(path)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise
