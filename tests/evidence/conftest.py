"""Spools and bundles to read."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="session")
def spools() -> ModuleType:
    path = Path(__file__).with_name("spools.py")
    spec = importlib.util.spec_from_file_location("faultbox_test_spools", path)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
