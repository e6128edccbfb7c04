"""The test image once more, with a header for another processor."""

from __future__ import annotations

from tests.support.testimage import busybox_archive, busybox_binary

WRONG_ARCH = "localhost/test-busybox-arch:1"
_MACHINE = 18  # offset of e_machine in an ELF header


def wrong_arch_archive() -> bytes:
    """An archive whose only binary is for AArch64 (or for RISC-V, where that is AArch64)."""
    binary = busybox_binary()
    other = 0xB7 if binary[_MACHINE] != 0xB7 else 0xF3
    return busybox_archive(
        WRONG_ARCH, binary[:_MACHINE] + bytes([other, 0]) + binary[_MACHINE + 2 :]
    )
