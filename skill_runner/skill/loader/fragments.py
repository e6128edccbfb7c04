"""Inputs that several skills share: `from: FILE` is replaced by what the file says."""

from __future__ import annotations

from typing import Any, Final

from skill_runner.skill.loader.files import FileFault, read_text
from skill_runner.skill.loader.source import Source
from skill_runner.skill.yaml_source import YamlFault, read_one

FROM: Final = "from"


def fill_inputs(source: Source) -> None:
    """Let each input that is `from` a file be that file's, with the keys that it has itself.

    What is wrong with the file is reported where the input names it.
    """
    inputs = source.data.get("inputs")
    if not isinstance(inputs, dict):
        return
    for name, entry in inputs.items():
        file = entry.get(FROM) if isinstance(entry, dict) else None
        if not isinstance(file, str):
            continue
        try:
            without = {key: value for key, value in entry.items() if key != FROM}
            inputs[name] = {**_fragment(source, file), **without}
        except FileFault as fault:
            source.report(("inputs", name, FROM), str(fault))
        except YamlFault as fault:
            source.report(("inputs", name, FROM), f"{file}:{fault.mark}: {fault.message}")


def _fragment(source: Source, file: str) -> dict[str, Any]:
    document = read_one(read_text(source.folder, file))
    for fault in document.faults:
        raise fault
    if not isinstance(document.data, dict):
        raise FileFault(f"'{file}' is no mapping, as an input is")
    if FROM in document.data:
        raise FileFault(f"'{file}' is from another file itself; name that one")
    return document.data
