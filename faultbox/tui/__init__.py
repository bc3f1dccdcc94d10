"""The terminal's window on a run: the matrix as it fills, and every cell from inside.

The doors are `watch`, for a spec, and `browse`, for a bundle. `desk`, `files` and `vitals` know no user interface;
each of the other modules is one widget or screen. Textual is imported when a door is opened.
"""

from __future__ import annotations

from pathlib import Path

from faultbox.tui.desk import Desk, Finished, Going, Launch, Order

__all__ = ["Desk", "Finished", "Going", "Launch", "Order", "browse", "watch"]


def watch(desk: Desk) -> None:
    """Show a desk's runs until the user leaves; a run that still goes has ended in order then."""
    from faultbox.tui.app import FaultboxApp

    FaultboxApp(desk).run()
    desk.wait()


def browse(bundle: Path) -> None:
    """Show a bundle until the user leaves. Raises BadBundle, OSError."""
    watch(Desk.of_bundle(bundle))
