"""Where Debian packages come from: this machine's own apt sources, in both of their formats."""

from __future__ import annotations

from pathlib import Path

from skill_runner.images.packages.debian import Source, host_sources, source_lines

DEB822 = """\
# the machine's mirror
Types: deb
URIs: http://mirror.example.org/debian
Suites: bookworm bookworm-updates
Components: main

Types: deb
URIs: http://mirror.example.org/debian-security
Suites: bookworm-security
Components: main

Types: deb deb-src
URIs: https://apt.example.com/debian-extra
Suites: bookworm
Enabled: no
"""


def write(apt: Path, name: str, text: str) -> Path:
    path = apt / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return apt


def test_stanzas(tmp_path: Path) -> None:
    apt = write(tmp_path, "sources.list.d/debian.sources", DEB822)
    assert source_lines("trixie", host_sources(apt)) == [
        "deb http://mirror.example.org/debian trixie main",
        "deb http://mirror.example.org/debian trixie-updates main",
        "deb http://mirror.example.org/debian-security trixie-security main",
    ]


def test_lines(tmp_path: Path) -> None:
    text = (
        "# deb http://no.example.org/debian bookworm main\n"
        "deb [arch=amd64 signed-by=/k/debian-archive-keyring.gpg] "
        "http://mirror.example.org/debian bookworm main # ours\n"
        "deb-src http://mirror.example.org/debian bookworm main\n"
    )
    apt = write(tmp_path, "sources.list", text)
    assert host_sources(apt) == [Source("http://mirror.example.org/debian", ("bookworm",))]


def test_security_fixes_alone_make_no_base(tmp_path: Path) -> None:
    sources = [Source("http://mirror.example.org/debian-security", ("bookworm-security",))]
    assert source_lines("trixie", sources) == []


def test_old_names_of_the_security_suite() -> None:
    sources = [
        Source("http://m.example.org/debian", ("buster",)),
        Source("http://m.example.org/debian-security", ("buster-security/updates",)),
    ]
    assert source_lines("trixie", sources)[-1] == (
        "deb http://m.example.org/debian-security trixie-security main"
    )


def test_another_distribution_leaves_the_choice_to_mmdebstrap(tmp_path: Path) -> None:
    apt = write(tmp_path, "sources.list", "deb http://archive.example.org/ubuntu noble main\n")
    assert source_lines("trixie", host_sources(apt)) == []


VENDORS = """\
Types: deb
URIs: https://one.example.com/debian
Suites: bookworm
Components: main
Signed-By: /etc/apt/keyrings/one.gpg

Types: deb
URIs: https://two.example.com/linux/debian
Suites: bookworm
Components: stable

Types: deb
URIs: http://mirror.example.org/debian
Suites: bookworm
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.pgp
"""
VENDOR_LINES = (
    "deb [signed-by=/etc/apt/keyrings/three.asc] https://three.example.com/debian bookworm main\n"
    "deb [arch=amd64] https://four.example.com/debian bookworm mysql-8.0\n"
)


def test_a_source_of_a_vendor_is_no_base(tmp_path: Path) -> None:
    apt = write(tmp_path, "sources.list.d/vendors.sources", VENDORS)
    write(apt, "sources.list.d/vendors.list", VENDOR_LINES)
    assert source_lines("trixie", host_sources(apt)) == [
        "deb http://mirror.example.org/debian trixie main"
    ]
