"""Pages of bundles, and the browser that opens them."""

from __future__ import annotations

import base64
import gzip
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from faultbox import evidence

_BLOCK = re.compile(r'<script type="application/gzip\+base64" id="([\w-]+)">([A-Za-z0-9+/=]*)</script>')

Page = Callable[..., str]
Blocks = Callable[[str], dict[str, Any]]


@pytest.fixture
def page(tmp_path: Path) -> Page:
    """The page of a spool, as text."""

    def made(run_dir: Path, **how: Any) -> str:
        with evidence.open(evidence.pack(run_dir, tmp_path / "made.fb")) as bundle:
            return evidence.report(bundle, tmp_path / "made.html", **how).path.read_text(encoding="utf-8")

    return made


@pytest.fixture
def blocks() -> Blocks:
    """The data of a page by block: JSON where it is that, else bytes."""

    def unpacked(text: str) -> dict[str, Any]:
        found = {}
        for name, packed in _BLOCK.findall(text):
            content = gzip.decompress(base64.b64decode(packed))
            found[name] = content if name.endswith("-columns") else json.loads(content)
        return found

    return unpacked


@pytest.fixture(scope="session")
def chromium_driver(module_at: Callable[[Path], ModuleType]) -> ModuleType:
    return module_at(Path(__file__).with_name("chromium.py"))


@pytest.fixture(scope="session")
def browser(chromium_driver: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """One Chromium for all tests of a worker; they are kept on one by their group."""
    program = chromium_driver.program()
    if program is None:
        pytest.skip("needs Chromium: make test installs it on Debian as root")
    with chromium_driver.Chromium(program, tmp_path_factory.mktemp("profile")) as browser:
        yield browser
