"""The pinned external binaries: which parts there are, at which version, and where each is found.

A part is what one publisher releases together (Kubernetes' server binaries, containerd with its
shim). No checksum is written here: a download is checked against the publisher's own checksum file,
and a build is pinned, byte for byte, by the part's go.sum.
"""

from __future__ import annotations

import platform
from dataclasses import dataclass
from typing import Final, Literal


@dataclass(frozen=True, slots=True)
class Version:
    """The way to read a binary's version, and which versions are suitable: at least, and below."""

    arguments: tuple[str, ...]
    at_least: tuple[int, ...]
    below: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Download:
    """One file of an official release. In the texts, {version}, {arch} and {tool} are filled in.

    `checksum` is the address of the publisher's checksum file; it may list many files.
    `members` are the paths inside an archive; for a plain binary there are none.
    """

    url: str
    checksum: str
    digest: Literal["sha256", "sha512"] = "sha256"
    members: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Build:
    """The build of a part from Go modules; the go.mod of the same name lists the tools."""

    stamps: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    renames: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Part:
    """A set of binaries of one version."""

    name: str
    version: str
    tools: tuple[str, ...]
    on_path: Version | None
    downloads: tuple[Download, ...]
    build: Build | None
    package: str = ""
    """The Debian package that has it, for hints."""


KUBERNETES: Final = "1.37.2"
_KUBE_TOOLS: Final = (
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kube-proxy",
    "kubelet",
)
_KUBE_STAMP: Final = "k8s.io/component-base/version"
_GITHUB: Final = "https://github.com"

PARTS: Final[tuple[Part, ...]] = (
    Part(
        "kube",
        KUBERNETES,
        _KUBE_TOOLS,
        Version(("--version",), (1, 37), (1, 38)),
        tuple(
            Download(
                f"https://dl.k8s.io/release/v{{version}}/bin/linux/{{arch}}/{tool}",
                f"https://dl.k8s.io/release/v{{version}}/bin/linux/{{arch}}/{tool}.sha256",
            )
            for tool in _KUBE_TOOLS
        ),
        Build(
            stamps=(
                f"{_KUBE_STAMP}.gitVersion=v{KUBERNETES}",
                f"{_KUBE_STAMP}.gitMajor=1",
                f"{_KUBE_STAMP}.gitMinor=37",
                f"{_KUBE_STAMP}.gitTreeState=clean",
                f"k8s.io/client-go/pkg/version.gitVersion=v{KUBERNETES}",
            )
        ),
    ),
    Part(
        "etcd",
        "3.7.3",
        ("etcd",),
        Version(("--version",), (3, 6), (4,)),
        (
            Download(
                f"{_GITHUB}/etcd-io/etcd/releases/download/v{{version}}/"
                "etcd-v{version}-linux-{arch}.tar.gz",
                f"{_GITHUB}/etcd-io/etcd/releases/download/v{{version}}/SHA256SUMS",
                members=("etcd-v{version}-linux-{arch}/etcd",),
            ),
        ),
        Build(renames=(("server", "etcd"),)),
    ),
    Part(
        "containerd",
        "2.4.2",
        ("containerd", "containerd-shim-runc-v2", "ctr"),
        Version(("--version",), (2, 1), (3,)),
        (
            Download(
                f"{_GITHUB}/containerd/containerd/releases/download/v{{version}}/"
                "containerd-static-{version}-linux-{arch}.tar.gz",
                f"{_GITHUB}/containerd/containerd/releases/download/v{{version}}/"
                "containerd-static-{version}-linux-{arch}.tar.gz.sha256sum",
                members=("bin/containerd", "bin/containerd-shim-runc-v2", "bin/ctr"),
            ),
        ),
        Build(
            stamps=("github.com/containerd/containerd/v2/version.Version=v2.4.2",),
            tags=("no_btrfs", "no_devmapper", "no_zfs"),
        ),
    ),
    Part(
        "cni",
        "1.9.1",
        ("ptp", "host-local", "loopback", "portmap"),
        Version((), (1, 6), (2,)),
        (
            Download(
                f"{_GITHUB}/containernetworking/plugins/releases/download/v{{version}}/"
                "cni-plugins-linux-{arch}-v{version}.tgz",
                f"{_GITHUB}/containernetworking/plugins/releases/download/v{{version}}/"
                "cni-plugins-linux-{arch}-v{version}.tgz.sha256",
                members=("./ptp", "./host-local", "./loopback", "./portmap"),
            ),
        ),
        Build(
            stamps=(
                "github.com/containernetworking/plugins/pkg/utils/buildversion.BuildVersion=v1.9.1",
            )
        ),
    ),
    Part(
        "coredns",
        "1.15.0",
        ("coredns",),
        Version(("-version",), (1, 12), (2,)),
        (
            Download(
                f"{_GITHUB}/coredns/coredns/releases/download/v{{version}}/"
                "coredns_{version}_linux_{arch}.tgz",
                f"{_GITHUB}/coredns/coredns/releases/download/v{{version}}/"
                "coredns_{version}_linux_{arch}.tgz.sha256",
                members=("coredns",),
            ),
        ),
        Build(),
    ),
    Part(
        "helm",
        "4.3.1",
        ("helm",),
        Version(("version", "--template", "{{.Version}}"), (4,), (5,)),
        (
            Download(
                "https://get.helm.sh/helm-v{version}-linux-{arch}.tar.gz",
                "https://get.helm.sh/helm-v{version}-linux-{arch}.tar.gz.sha256sum",
                members=("linux-{arch}/helm",),
            ),
        ),
        Build(stamps=("helm.sh/helm/v4/internal/version.version=v4.3.1",)),
    ),
    Part(
        "runc",
        "1.5.2",
        ("runc",),
        Version(("--version",), (1, 1), (2,)),
        (
            Download(
                f"{_GITHUB}/opencontainers/runc/releases/download/v{{version}}/runc.{{arch}}",
                f"{_GITHUB}/opencontainers/runc/releases/download/v{{version}}/runc.sha256sum",
            ),
        ),
        None,
        package="runc",
    ),
)

BY_TOOL: Final[dict[str, Part]] = {tool: part for part in PARTS for tool in part.tools}


def machine_architecture() -> str:
    """This machine's architecture in Go's words: amd64, arm64."""
    machine = platform.machine().lower()
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(machine, machine)
