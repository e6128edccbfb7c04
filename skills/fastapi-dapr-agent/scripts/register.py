"""Register schemas with the registry, from a pod that its network lets in; nothing but Python.

An incompatible one is refused by the registry, and ends this before the pods change. The last line
says what was done; it is empty where every schema was known.
"""

import json
import os
import sys
import urllib.error
import urllib.request

GIVEN = json.loads(os.environ["GIVEN"])


def post(path: str, body: object) -> tuple[int, str]:
    headers = {"Content-Type": "application/vnd.schemaregistry.v1+json"}
    request = urllib.request.Request(
        f"{GIVEN['url']}/{path}", json.dumps(body).encode(), headers, method="POST"
    )
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode(errors="replace")[:500]
    except OSError as error:
        raise SystemExit(f"the registry {GIVEN['url']} does not answer: {error}") from error


def main() -> None:
    new = []
    for subject, schema in GIVEN["schemas"].items():
        if post(f"subjects/{subject}", schema)[0] == 200:
            continue
        code, said = post(f"subjects/{subject}/versions", schema)
        if code != 200:
            raise SystemExit(f"{subject} was refused ({code}): {said}")
        new.append(subject)
    sys.stdout.write(f"registered {', '.join(new)}\n" if new else "")


if __name__ == "__main__":
    main()
