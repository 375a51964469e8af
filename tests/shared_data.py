"""Where outside data lies that is not part of the project, and how a test does without it.

`LLO11YPOP_SHARED` names the folder; otherwise it is looked for beside the checkout.
"""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def shared_folder() -> Path:
    """The folder with outside data, whether it exists or not."""
    return Path(os.environ.get("LLO11YPOP_SHARED", ROOT.parent / "shared"))


def shared_file(*parts: str) -> Path:
    """A file of the outside data; the test is skipped where it is absent."""
    path = shared_folder().joinpath("data", *parts)
    if not path.exists():
        pytest.skip(f"no {'/'.join(parts)} in {shared_folder()}; set LLO11YPOP_SHARED to test with it")
    return path
