#!/usr/bin/env python3
"""Exit with 0 if a page of this container answers 200; by default, that of Ray's raylet."""

import sys
import urllib.request

RAYLET = "http://127.0.0.1:52365/api/local_raylet_healthz"

url = sys.argv[1] if len(sys.argv) > 1 else RAYLET
try:
    urllib.request.urlopen(url, timeout=4).close()  # noqa: S310  # a page of this container
except OSError as error:
    sys.exit(f"{url}: {error}")
