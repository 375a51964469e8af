"""Refuse documentation that points at nothing.

Three promises are kept: a relative link (and its #heading) resolves; a `llo11ypop <command>` in a shell block
is a command the installed program has; a `make <target>` in code is a target of the Makefile.
"""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROGRAM = Path(sys.executable).with_name("llo11ypop")
SHELLS = {"", "sh", "bash", "shell", "console"}

FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})[ \t]*(\S*)[^\n]*\n(.*?)^ {0,3}\1[ \t]*$", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\[[^\]]*\]\(<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\)")
HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*#*$", re.MULTILINE)
COMMAND = re.compile(r"(?:^|[\s;&|(/])llo11ypop((?: +[a-z][a-z-]*)+)(?=[\s;&|)]|$)", re.MULTILINE)
MAKE = re.compile(r"(?:^|[\s;&|(])make +([a-z][a-z-]*)", re.MULTILINE)


def pages() -> list[Path]:
    """Every Markdown page a reader may open, the top of the repository first."""
    return [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]


def shell_text(page: str) -> str:
    """What the page asks a reader to type: shell blocks, of sessions with a prompt only the typed lines."""
    typed: list[str] = []
    for _, language, body in FENCE.findall(page):
        if language.lower() not in SHELLS:
            continue
        lines = [line.split("  #")[0] for line in body.splitlines() if not line.lstrip().startswith("#")]
        prompts = [line.lstrip()[2:] for line in lines if line.lstrip().startswith("$ ")]
        typed += prompts or lines
    return "\n".join(typed)


def anchors(page: str) -> set[str]:
    """The #names that a page's headings get when rendered."""
    names: set[str] = set()
    for heading in HEADING.findall(FENCE.sub("", page)):
        name = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        names.add(name)
    return names


def broken_links(path: Path, page: str) -> Iterator[str]:
    """Relative links of one page that lead nowhere."""
    for target in LINK.findall(INLINE.sub("", FENCE.sub("", page))):
        if re.match(r"[a-z][a-z+.-]*:", target):
            continue
        file, _, anchor = target.partition("#")
        goal = (path.parent / file).resolve() if file else path
        if not goal.exists():
            yield f"link to {target}: no such file"
        elif anchor and goal.suffix == ".md" and anchor not in anchors(goal.read_text(encoding="utf-8")):
            yield f"link to {target}: no such heading"


def unknown_commands(typed: str, known: dict[str, bool]) -> Iterator[str]:
    """Commands of the program that its own help does not know; `known` remembers what was asked before."""
    for words in sorted(set(COMMAND.findall(typed))):
        if words not in known:
            asked = subprocess.run([PROGRAM, *words.split(), "--help"], capture_output=True, check=False)
            known[words] = asked.returncode == 0
        if not known[words]:
            yield f"`llo11ypop{words}`: no such command"


def unknown_targets(typed: str, targets: set[str]) -> Iterator[str]:
    """Targets that the Makefile does not have."""
    for target in sorted(set(MAKE.findall(typed)) - targets):
        yield f"`make {target}`: no such target"


def main() -> int:
    """Print each broken promise with its page; 1 when there is one."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z][a-z-]*):", makefile, re.MULTILINE))
    known: dict[str, bool] = {}
    problems: list[str] = []
    for path in pages():
        page = path.read_text(encoding="utf-8")
        typed = shell_text(page)
        inline = "\n".join(INLINE.findall(FENCE.sub("", page)))
        found = [*broken_links(path, page), *unknown_commands(typed, known)]
        found += unknown_targets(f"{typed}\n{inline}", targets)
        problems += [f"{path.relative_to(ROOT)}: {problem}" for problem in found]
    print("\n".join(problems) if problems else f"docs: {len(pages())} pages, {len(known)} commands checked")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
