"""partition(): services that lose what they send each other."""

from __future__ import annotations

import threading

from faultbox.model.host import SpecError, Way
from faultbox.model.source import Position
from faultbox.model.spec import Spec
from faultbox.network import Handle
from faultbox.run.stage import Stage


class Partitions:
    """The partitions in force. What is not healed ends with the world."""

    def __init__(self, spec: Spec, stage: Stage) -> None:
        self._spec = spec
        self._stage = stage
        self._lock = threading.Lock()
        self._held: dict[int, tuple[str, str, list[Handle]]] = {}
        self._next = 1
        self.begun = 0
        """How many partitions there were."""

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
            handle, self._next = self._next, self._next + 1
            self._held[handle] = (a, b, edges.partition(a, b, (ports[0], ports[1]), way))
            self.begun += 1
        self._stage.log.append("partition_applied", a, {"with": b, "direction": way, "at": str(position)})
        return handle

    def end(self, handle: int) -> None:
        """Heal one; healing it twice is harmless."""
        with self._lock:
            a, b, cuts = self._held.pop(handle, ("", "", []))
        for cut in cuts:
            cut.close()
        if cuts:
            self._stage.log.append("partition_removed", a, {"with": b})
