"""What the front asks of the runner."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from faultbox.model.frozen import frozen
from faultbox.model.shard import Shard


@frozen
class Request:
    """One run: the spec, what of it, and how. `run_dir` is the spool, made by the caller.

    `root` is the directory that relative `binary=`, `cwd=` and `volumes=` belong to (the
    spec's own where it is None). `jobs` None lets the pool follow the machine. `timeout_ms`
    None is the default limit of a case. `pcap` names interfaces whose traffic is kept.
    """

    spec: Path
    run_dir: Path
    seed: int
    seed_origin: Literal["cli", "cached", "generated", "bundle"] = "generated"
    select: tuple[str, ...] = ()
    runs: int = 1
    jobs: int | None = None
    timeout_ms: float | None = None
    keep: bool = False
    strict: bool = False
    control: bool = True
    fail_fast: bool = False
    dry_run: bool = False
    root: Path | None = None
    shard: Shard | None = None
    pcap: tuple[str, ...] = ()

    @property
    def layers_dir(self) -> Path:
        """Where the worlds' disks are; removed when the run is over."""
        return self.run_dir / "layers"
