"""Ask a gateway as its clients do, with nothing but Python: from this machine, and in a pod.

    python3 ask.py HOST PORT LIMIT PATH…

Each PATH has the probe's plugins: an API key, which KEY in the environment is, and LIMIT requests
a minute. Prints what was seen, or what was wrong and exits with 1.
"""

import http.client
import os
import sys
import time
from collections.abc import Sequence

PATIENCE = 45.0  # seconds in which what was just made must have come to the gateway
EVERY = 0.2  # seconds between two looks
WRONG = "not-a-key-of-anyone"


class Unexpected(Exception):
    """The gateway answered otherwise than it should."""


def ask(host: str, port: int, path: str, key: str = "") -> tuple[int, str]:
    """The status of one request, and its Retry-After."""
    connection = http.client.HTTPConnection(host, port, timeout=10)
    try:
        connection.request("GET", path, headers={"apikey": key} if key else {})
        answer = connection.getresponse()
        answer.read()
        return answer.status, answer.getheader("Retry-After", "")
    finally:
        connection.close()


def await_status(host: str, port: int, path: str, wanted: int, what: str, key: str = "") -> None:
    """Until the gateway answers so: it gets a change within seconds."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            found: object = ask(host, port, path, key)[0]
        except (OSError, http.client.HTTPException) as error:
            found = error
        if found == wanted:
            return
        if time.monotonic() > deadline:
            raise Unexpected(f"{what}: {found}, and not {wanted} (for {PATIENCE:.0f} s)")
        time.sleep(EVERY)


def must_be(wanted: int, found: int, what: str) -> None:
    if found != wanted:
        raise Unexpected(f"{what}: {found}, and not {wanted}")


def over_limit(host: str, port: int, path: str, key: str, limit: int) -> int:
    """Ask until it is one too many; the minute may end meanwhile. How many were let through."""
    for number in range(1, 2 * limit + 2):
        status, retry = ask(host, port, path, key)
        if status == 429:
            if not retry.isdigit() or int(retry) < 1:
                raise Unexpected(f"429 without a Retry-After of seconds: {retry!r}")
            return number
        must_be(200, status, "with the right key")
    raise Unexpected(f"{2 * limit + 1} requests were let through; the limit is {limit} a minute")


def check(host: str, port: int, limit: int, key: str, paths: Sequence[str]) -> str:
    """Everything that the gateway must let through and refuse, on each path; what was seen."""
    seen = []
    for path in paths:
        await_status(host, port, path, 401, f"{path} without a key")
        must_be(404, ask(host, port, f"{path}-unknown")[0], "an unknown path")
        must_be(401, ask(host, port, path, WRONG)[0], f"{path} with a wrong key")
        await_status(host, port, path, 200, f"{path} with the right key", key)
        let = 1 + over_limit(host, port, path, key, limit)
        seen.append(f"404 401 401 200 429 at the {let}th")
    return ", ".join(dict.fromkeys(seen))


def main() -> None:
    host, port, limit, *paths = sys.argv[1:]
    try:
        said = check(host, int(port), int(limit), os.environ["KEY"], paths)
    except (Unexpected, OSError) as error:
        sys.exit(f"asked inside the cluster: {error}")
    sys.stdout.write(f"{said}\n")


if __name__ == "__main__":
    main()
