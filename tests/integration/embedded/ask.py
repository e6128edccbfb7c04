"""Run a shell script in a pod and print its output, for a test whose network is another."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.support import pods


def main(kubeconfig: str, context: str, script: str) -> None:
    with pods.connect(Path(kubeconfig), context) as api:
        sys.stdout.write(pods.run(api, "default", pods.pod("ask", script)))


if __name__ == "__main__":
    main(*sys.argv[1:])
