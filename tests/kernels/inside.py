"""Run in a virtual machine: what of Faultbox works on its kernel, as one line of JSON for each thing tried."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
FAULTBOX = [sys.executable, "-m", "faultbox"]
NOBODY = 65534


def objects() -> Iterator[tuple[str, str]]:
    """Each object by the running kernel's verifier, all of its programs, and those of observation attached."""
    from faultbox import observe
    from faultbox.linux import bpf

    for path in sorted(bpf.OBJECTS.glob("*.bpf.o")):
        name = path.name.removesuffix(".bpf.o")
        try:
            count = len(bpf.load(name).programs)
        except bpf.NoBpf as error:
            yield f"load {name}", error.reason
        else:
            yield f"load {name}", f"ok, {count} programs"
    try:
        observe.prepare(1).close()
    except observe.NoObservation as error:
        yield "attach observe", error.reason
    else:
        yield "attach observe", "ok"


def doctor() -> Iterator[tuple[str, str]]:
    done = subprocess.run([*FAULTBOX, "doctor", "--format", "json"], capture_output=True, text=True, check=False)
    for check in json.loads(done.stdout)["checks"]:
        yield f"doctor {check['name']}", "ok" if check["state"] == "good" else check["detail"]


def cases(spec: str, *flags: str, how: str = "run", **process: Any) -> Iterator[tuple[str, str]]:
    """The verdict of each case; why the run was refused, if it was."""
    command = [*FAULTBOX, "test", spec, *flags, "--seed", "1", "--no-bundle", "--format", "json", "-j", "2"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=HERE, **process)
    told = json.loads(done.stdout)
    if done.stderr or not told["cases"]:
        yield f"{how} {spec}", "; ".join([*done.stderr.splitlines()[-4:], *map(str, told.get("errors", []))])
    for case in told["cases"]:
        yield f"{how} {case['id']}", "ok" if case["verdict"] == "passed" else f"{case['verdict']}: {case['reason']}"


def rootless() -> Iterator[tuple[str, str]]:
    """What needs no BPF, as a user without any right."""
    home = Path("/tmp/home-of-nobody")
    home.mkdir()
    os.chown(home, NOBODY, NOBODY)
    env = {**os.environ, "HOME": str(home), "FAULTBOX_STATE_DIR": str(home)}
    flags = [flag for name in ("test_deny", "test_delay", "test_kept*") for flag in ("--test", name)]
    who = {"user": NOBODY, "group": NOBODY, "extra_groups": ()}
    yield from cases("features.star", *flags, how="rootless", env=env, **who)


def main() -> None:
    kernel = [("kernel", os.uname().release)]
    runs = map(cases, ("features.star", "ipv6.star", "twins.star"))
    for found in (kernel, objects(), *runs, rootless(), doctor()):
        for each in found:
            sys.stdout.write(json.dumps(each) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
