"""The terminal's window on a run: the matrix as it fills, and every cell from inside.

The doors are `watch`, which shows a desk, and `Desk` for a spec or `bundled.desk_of` for a bundle. `desk`, `trace`,
`files`, `lanes`, `contrast`, `dossier`, `live`, `vitals`, `sources` and `bundled` know no user interface; each of the
other modules is one widget or screen. Textual is imported when the door is opened.
"""

from __future__ import annotations

from faultbox.tui.desk import Desk, Finished, Going, Launch, Order

__all__ = ["Desk", "Finished", "Going", "Launch", "Order", "watch"]


def watch(desk: Desk) -> bool:
    """Show a desk until the user leaves; a run may still be ending then. False: the window itself broke."""
    from faultbox.tui.app import FaultboxApp
    from faultbox.tui.aside import stderr_aside

    with stderr_aside():
        app = FaultboxApp(desk)
        app.run()
    return not app.return_code
