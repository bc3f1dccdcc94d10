"""partition(): services that lose what they send each other."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from faultbox.model.frozen import frozen
from faultbox.model.host import SpecError, Way
from faultbox.model.source import Position
from faultbox.model.spec import Spec
from faultbox.network import Loss
from faultbox.run.stage import Stage


@frozen(eq=False)
class Partition:
    """One that was begun. `cuts` count what was lost, after their end too."""

    a: str
    b: str
    position: Position
    cuts: Sequence[Loss]

    @property
    def lost(self) -> int:
        """How many packets it has lost."""
        return sum(each.packets for each in self.cuts)


class Partitions:
    """The partitions of a case."""

    def __init__(self, spec: Spec, stage: Stage) -> None:
        self._spec = spec
        self._stage = stage
        self._lock = threading.Lock()
        self._begun: list[Partition] = []
        self._held: dict[int, Partition] = {}

    def begin(self, a: str, b: str, way: Way, position: Position) -> int:
        """Returns its handle once no packet gets through. Raises SpecError where nothing could be cut."""
        edges = self._stage.edges
        ports = tuple([each.port for each in self._spec.services[name].interfaces] for name in (a, b))
        if edges is None:
            raise SpecError(
                "NOT_PREPARED",
                f"partition({a}, {b}): this case was started without network faults, because the plan "
                "could not see in the scenario that it may partition",
                accepted="call partition() in the scenario or in a function that it names",
            )
        if not any(ports):
            raise SpecError("NOTHING_TO_CUT", f"partition({a}, {b}): neither has an interface to be reached at")
        with self._lock:
            made = Partition(a, b, position, edges.partition(a, b, (ports[0], ports[1]), way))
            handle = len(self._begun)
            self._begun.append(made)
            self._held[handle] = made
        self._stage.log.append("partition_applied", a, {"with": b, "direction": way, "at": str(position)})
        return handle

    def end(self, handle: int) -> None:
        """Heal one; healing it twice is harmless."""
        with self._lock:
            ended = self._held.pop(handle, None)
        if ended is not None:
            for cut in ended.cuts:
                cut.close()
            fields = {"with": ended.b, "lost": str(ended.lost), "at": str(ended.position)}
            self._stage.log.append("partition_removed", ended.a, fields)

    def end_all(self) -> None:
        """Heal those that still hold."""
        for handle in sorted(self._held, reverse=True):
            self.end(handle)

    @property
    def begun(self) -> int:
        """How many there were."""
        return len(self._begun)

    @property
    def lost(self) -> int:
        """How many packets all of them have lost."""
        return sum(each.lost for each in self._begun)

    def unmet(self) -> Iterator[str]:
        """What to say of those that lost nothing."""
        for each in self._begun:
            if not each.lost:
                where = f"{Path(each.position.file).name}:{each.position.line}"
                yield f"partition({each.a}, {each.b}) at {where} met no packet: nothing was sent that it would lose"
