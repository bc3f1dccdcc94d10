"""An HTTP service that SIGTERM does not end."""

import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import web

signal.signal(signal.SIGTERM, signal.SIG_IGN)
web.main()
