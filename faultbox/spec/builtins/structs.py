"""The value of struct()."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, eq=False)
class Struct:
    """Fields that are read as attributes."""

    fields: Mapping[str, Any]
