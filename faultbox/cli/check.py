"""Load a spec and plan its cases without starting anything."""

from __future__ import annotations

import argparse
import os

from faultbox.cli import arguments


def configure(parser: argparse.ArgumentParser) -> None:
    arguments.add_spec(parser)
    arguments.add_format(parser)


def run(options: argparse.Namespace) -> int:
    spec = arguments.spec_path(options.spec)

    from faultbox.cli import session, views
    from faultbox.evidence import spool
    from faultbox.run.request import Request

    run_dir = spool.new_run(spool.state_dir(os.environ))
    request = Request(spec=spec, run_dir=run_dir, seed=0, dry_run=True)
    name = views.spec_name(spec)
    view = views.make(options.format, "none", name) if options.format == "json" else views.CheckView(name)
    return session.carry_out(request, view, bundle_to=None)
