"""Match one pattern against one text after the other, as a child process that can be killed: a
pattern and its texts' units come as JSON on standard input."""

import json
import re
import sys


def main() -> None:
    asked = json.load(sys.stdin)
    pattern = re.compile(asked["pattern"], asked["flags"])
    for text in asked["texts"]:
        for method in asked["methods"]:
            if method in ("search", "match", "fullmatch"):
                getattr(pattern, method)(text)
            else:
                for _ in pattern.finditer(text):
                    pass


main()
