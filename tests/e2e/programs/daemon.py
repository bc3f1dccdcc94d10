"""An HTTP service that makes itself a daemon: double fork, own session, the parent exits."""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import web

if os.fork():
    os._exit(0)
os.setsid()
if os.fork():
    os._exit(0)
web.main()
