"""The image that holds a pod's namespaces open, made from nothing: one file of 200 bytes.

Kubernetes starts it first in every pod. It has to stay alive and to reap what pods that share
their process namespace leave behind; so it ignores SIGCHLD (the kernel then reaps) and sleeps.
Writing these few instructions ourselves means that no compiler, download or registry is needed
before the first pod.
"""

from __future__ import annotations

import hashlib
import io
import json
import struct
import tarfile
from typing import Final

IMAGE: Final = "localhost/skill-pause:1"

# Each: a `struct sigaction` with SIG_IGN on the stack, rt_sigaction(SIGCHLD), then sleep forever.
_CODE: Final = {
    "amd64": bytes.fromhex(
        "6a006a006a006a01"  # push 0, 0, 0 (mask, restorer, flags), 1 (SIG_IGN)
        "b80d000000bf110000004889e631d241ba08000000"  # eax=13 edi=17 rsi=rsp edx=0 r10d=8
        "0f05"  # rt_sigaction(SIGCHLD, rsp, NULL, 8)
        "b8220000000f05"  # pause()
        "ebf7"  # and again
    ),
    "arm64": struct.pack(
        "<12I",
        0xD2800021,  # mov x1, #1         SIG_IGN
        0xA9BE7FE1,  # stp x1, xzr, [sp, #-32]!
        0xA9017FFF,  # stp xzr, xzr, [sp, #16]
        0xD2800220,  # mov x0, #17        SIGCHLD
        0x910003E1,  # mov x1, sp
        0xD2800002,  # mov x2, #0
        0xD2800103,  # mov x3, #8
        0xD28010C8,  # mov x8, #134       rt_sigaction
        0xD4000001,  # svc #0
        0xD2800000,  # mov x0, #0         ppoll(NULL, 0, NULL, NULL): arm64 has no pause
        0xD2800001,  # mov x1, #0
        0xD2800002,  # mov x2, #0
    )
    + struct.pack(
        "<4I",
        0xD2800003,  # mov x3, #0
        0xD2800928,  # mov x8, #73        ppoll
        0xD4000001,  # svc #0
        0x17FFFFFA,  # b -6 instructions, to mov x0, #0
    ),
}
_EXIT: Final = {
    "amd64": bytes.fromhex("b83c00000031ff0f05"),  # eax=60 edi=0 exit(0)
    "arm64": struct.pack("<3I", 0xD2800000, 0xD2800BA8, 0xD4000001),  # x0=0 x8=93 svc
}
_ELF_MACHINE: Final = {"amd64": 62, "arm64": 183}
_BASE: Final = 0x400000
_HEADERS: Final = 64 + 56


def pause_program(architecture: str) -> bytes:
    """A static ELF executable for `amd64` or `arm64`."""
    return _executable(_CODE[architecture], architecture)


def exit_program(architecture: str) -> bytes:
    """An executable that ends at once with 0; KeyError for another architecture."""
    return _executable(_EXIT[architecture], architecture)


def _executable(code: bytes, architecture: str) -> bytes:
    size = _HEADERS + len(code)
    identity = b"\x7fELF\x02\x01\x01" + bytes(9)
    header = struct.pack(
        "<16sHHIQQQIHHHHHH",
        identity,
        2,
        _ELF_MACHINE[architecture],
        1,
        _BASE + _HEADERS,
        64,
        0,
        0,
        64,
        56,
        1,
        0,
        0,
        0,
    )
    segment = struct.pack("<IIQQQQQQ", 1, 5, 0, _BASE, _BASE, size, size, 0x1000)
    return header + segment + code


def pause_archive(architecture: str) -> bytes:
    """The image as an archive in Docker's format, ready to import."""
    layer = _tar({"pause": (pause_program(architecture), 0o755)})
    config = json.dumps(
        {
            "architecture": architecture,
            "os": "linux",
            "config": {"Entrypoint": ["/pause"]},
            "rootfs": {
                "type": "layers",
                "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"],
            },
        }
    ).encode()
    manifest = json.dumps(
        [{"Config": "config.json", "RepoTags": [IMAGE], "Layers": ["layer.tar"]}]
    ).encode()
    return _tar(
        {
            "layer.tar": (layer, 0o644),
            "config.json": (config, 0o644),
            "manifest.json": (manifest, 0o644),
        }
    )


def _tar(files: dict[str, tuple[bytes, int]]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, (content, mode) in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), mode
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()
