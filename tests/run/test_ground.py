"""A host that can't carry a run is refused before anything has been started, with what it lacks."""

from __future__ import annotations

from typing import Any, cast

import pytest

from faultbox.linux import seccomp
from faultbox.model.unfit import Unfit
from faultbox.run import ground
from faultbox.run.opening import Eyes


def test_a_kernel_that_cannot_hold_calls_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    reason = "the kernel can't hold calls against signals: Linux 5.19 or newer is needed"
    monkeypatch.setattr(seccomp, "support", lambda: seccomp.Support(sync_wake_up=False, reason=reason))
    nothing = cast("Any", None)
    with pytest.raises(Unfit) as caught, ground.prepare(nothing, nothing, None, Eyes()):
        pass
    assert caught.value.reason == f"system calls can't be decided here: {reason}"
    assert "faultbox doctor" in caught.value.advice
