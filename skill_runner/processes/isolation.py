"""Keep the current folder out of what runs: of imports, of PATH, of every Python that we start.

A repository that an agent works in may hold a yaml.py or a program named helm; nothing there may
run unless the user named it. Only `os` and `sys`, which Python has loaded already, are imported
here: `typing` or `collections` would be looked for in the current folder first.
"""

import os
import sys

_SEARCHED = ("PATH", "PYTHONPATH")  # an empty or relative entry of these means the current folder
_ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def python_command(*arguments: str) -> list[str]:
    """The command line of a Python of ours: this interpreter, importing nothing of its folder.

    The only place that starts one (tests/unit/processes/test_isolation.py). `-P` and not `-I`, or
    an installation in the user's site-packages or on an absolute PYTHONPATH would lose its own
    modules.
    """
    return [sys.executable, "-I" if sys.flags.isolated else "-P", *arguments]


def leave_current_folder(*, as_module: bool = False) -> None:
    """Take the current folder out of this process's imports and out of what its children search.

    Call it before the first import from outside the standard library. `as_module` says that Python
    was started with `-m`, which puts the current folder first.
    """
    here = _current_folder()
    if as_module and not sys.flags.safe_path and sys.path[:1] in ([""], [here]):
        del sys.path[0]
    given = os.environ.get("PYTHONPATH", "")
    relative = [each for each in given.split(os.pathsep) if given and not os.path.isabs(each)]
    surprising = {os.path.normpath(os.path.join(here, each)) for each in relative} - {_ROOT}
    sys.path[:] = [each for each in sys.path if each not in surprising]
    for name in _SEARCHED:
        if os.environ.get(name):
            os.environ[name] = _without_current_folder(os.environ[name], here)


def _without_current_folder(path: str, here: str) -> str:
    """The absolute entries, and the folder of this package however it was written."""
    kept = []
    for each in path.split(os.pathsep):
        place = os.path.normpath(os.path.join(here, each))
        if os.path.isabs(each) or place == _ROOT:
            kept.append(place)
    return os.pathsep.join(kept)


def _current_folder() -> str:
    try:
        return os.getcwd()
    except OSError:  # it was deleted
        return "/"
