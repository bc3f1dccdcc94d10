"""Run a spec's scenarios under its faults, and say with proof where the system breaks."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from faultbox.cli import arguments, ci
from faultbox.cli.arguments import UsageError

if TYPE_CHECKING:
    from faultbox.cli.session import View
    from faultbox.run.request import Request


def configure(parser: argparse.ArgumentParser) -> None:
    arguments.add_spec(parser)
    parser.add_argument(
        "--test",
        action="append",
        default=[],
        metavar="NAME",
        help="only these cases: a name with or without test_, a matrix group, or a glob; may be repeated",
    )
    parser.add_argument("--seed", type=arguments.seed, metavar="N", help="decide all that is random (default: drawn)")
    parser.add_argument("--runs", type=arguments.count, default=1, metavar="N", help="run every case N times")
    parser.add_argument("-j", "--jobs", type=arguments.count, metavar="N", help="worlds at once (default: by the host)")
    parser.add_argument("--shard", type=arguments.shard, metavar="I/N", help="only the I-th of N parts of the cases")
    parser.add_argument("-x", "--fail-fast", action="store_true", help="start nothing more after the first failure")
    parser.add_argument(
        "--timeout", type=arguments.duration_ms, metavar="DURATION", help="the limit of a case (default: 120s)"
    )
    parser.add_argument(
        "--pcap",
        action="append",
        default=[],
        metavar="INTERFACE",
        help="keep what is said to db.main, in files that Wireshark reads; a glob of such names; may be repeated",
    )
    parser.add_argument("--strict", action="store_true", help="anything that is not green fails the run")
    parser.add_argument("--no-control", action="store_true", help="don't run scenarios without faults before cells")
    parser.add_argument("--keep", action="store_true", help="leave the disks and logs of cases that are not green")
    parser.add_argument(
        "--show", choices=("all", "fail", "none"), default="all", help="the cases to print (default: all)"
    )
    arguments.add_format(parser)
    ci.add_flags(parser)
    parser.add_argument("--output", metavar="PATH", help="the bundle's file or directory (default: here)")
    parser.add_argument("--no-bundle", action="store_true", help="write no bundle")
    parser.add_argument("--dry-run", action="store_true", help="load and plan, start nothing")


def run(options: argparse.Namespace) -> int:
    spec = arguments.spec_path(options.spec)
    bundle_to = None if options.no_bundle else bundle_place(options.output)
    if options.no_bundle and options.output:
        raise UsageError("--output and --no-bundle exclude each other")
    if options.shard is not None and options.seed is None:
        raise UsageError("--shard needs --seed: all shards of a run have one", "give each the same, as --seed 1")
    reports = ci.wanted(options, spec, os.environ)

    from faultbox.run.early import Runner

    with Runner() as runner:
        from faultbox.cli import session

        def make_view() -> View:
            from faultbox.cli import views

            return ci.around(views.make(options.format, options.show, views.test_command(spec)), reports)

        return session.carry_out(_request(options, spec), make_view, bundle_to=bundle_to, runner=runner)


def _request(options: argparse.Namespace, spec: Path) -> Request:
    from faultbox.evidence import place
    from faultbox.run.request import Request

    given = options.seed is not None
    return Request(
        spec=spec,
        run_dir=place.new_run(place.state_dir(os.environ)),
        seed=options.seed if given else drawn_seed(),
        seed_origin="cli" if given else "generated",
        select=tuple(options.test),
        runs=options.runs,
        jobs=options.jobs,
        timeout_ms=options.timeout,
        keep=options.keep,
        strict=options.strict,
        control=not options.no_control,
        fail_fast=options.fail_fast,
        dry_run=options.dry_run,
        shard=options.shard,
        pcap=tuple(options.pcap),
    )


def drawn_seed() -> int:
    """A seed that people can type: 31 bits from the kernel."""
    return int.from_bytes(os.urandom(4), "big") >> 1


def bundle_place(output: str | None) -> Path:
    """Where the bundle goes, checked before anything runs. Raises UsageError where it can't go there."""
    path = Path(output or ".")
    if output and output.endswith("/"):
        path.mkdir(parents=True, exist_ok=True)
    directory = path if path.is_dir() else path.parent
    if not directory.is_dir():
        raise UsageError(f"--output {path}: there is no directory {directory}", "end it with / to have it made")
    if not os.access(directory, os.W_OK | os.X_OK):
        raise UsageError(
            f"{directory.absolute()} is not writable, so the bundle can't go there", "use --output or --no-bundle"
        )
    if path.exists() and not path.is_dir():
        _check_replaceable(path)
    return path.absolute()


def _check_replaceable(path: Path) -> None:
    """Only a bundle is ever overwritten."""
    from faultbox import evidence

    try:
        evidence.open(path).close()
    except evidence.BadBundle:
        raise UsageError(f"--output {path}: it exists and is no bundle", "name another file") from None
