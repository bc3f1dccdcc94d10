"""What happens between services."""

from faultbox.network.cuts import Direction, Loss
from faultbox.network.handle import Handle
from faultbox.network.network import Network, attach
from faultbox.network.programs import NoNetworkFaults, Part, Programs, prepare
from faultbox.network.sever import sever

__all__ = [
    "Direction",
    "Handle",
    "Loss",
    "Network",
    "NoNetworkFaults",
    "Part",
    "Programs",
    "attach",
    "prepare",
    "sever",
]
