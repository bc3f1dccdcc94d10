"""Load a spec and plan its cases without starting anything."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING

from faultbox.cli import arguments

if TYPE_CHECKING:
    from faultbox.cli.session import View


def configure(parser: argparse.ArgumentParser) -> None:
    arguments.add_spec(parser)
    arguments.add_format(parser)


def run(options: argparse.Namespace) -> int:
    spec = arguments.spec_path(options.spec)

    from faultbox.cli import session
    from faultbox.evidence import place
    from faultbox.run.request import Request

    run_dir = place.new_run(place.state_dir(os.environ))
    request = Request(spec=spec, run_dir=run_dir, seed=0, dry_run=True)

    def make_view() -> View:
        from faultbox.cli import views

        again = views.test_command(spec)
        return views.JsonView(again) if options.format == "json" else views.CheckView(again)

    return session.carry_out(request, make_view, bundle_to=None)
