"""The value of struct()."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from faultbox.model.frozen import frozen


@frozen(eq=False)
class Struct:
    """Fields that are read as attributes."""

    fields: Mapping[str, Any]
