"""A cluster's own certificate authorities, its certificates, and kubeconfigs that carry them."""

from __future__ import annotations

import datetime
import ipaddress
import json
import os
from base64 import b64encode
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from skill_runner.clusters.embedded.settings import Node

LIFETIME = datetime.timedelta(days=3650)
SKEW = datetime.timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Authority:
    """A CA: its certificate and key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


def write_certificates(node: Node) -> None:
    """All certificates, keys and kubeconfigs of a node, keys readable by root only."""
    folder = node.certificates
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    cluster = _authority(folder, "ca", f"{node.name} CA")
    etcd = _authority(folder, "etcd-ca", f"{node.name} etcd CA")
    front = _authority(folder, "front-proxy-ca", f"{node.name} front proxy CA")
    _write_service_account_key(folder)

    address = node.addresses.node
    names = ["kubernetes", "kubernetes.default", "kubernetes.default.svc"]
    names += ["kubernetes.default.svc.cluster.local", "localhost", node.name]
    addresses = ["127.0.0.1", address, node.addresses.service(1)]
    _issue(folder, "apiserver", cluster, "kube-apiserver", names=names, addresses=addresses)
    _issue(folder, "kubelet-server", cluster, node.name, names=[node.name], addresses=[address])
    _issue(folder, "etcd", etcd, "etcd", names=["localhost"], addresses=["127.0.0.1"])
    _issue(folder, "etcd-client", etcd, "kube-apiserver")
    _issue(folder, "front-proxy-client", front, "front-proxy-client")
    _issue(folder, "apiserver-kubelet", cluster, "kube-apiserver", group="system:masters")
    local = "https://127.0.0.1:6443"
    for user, name, group in (
        ("system:kube-controller-manager", "controller-manager", ""),
        ("system:kube-scheduler", "scheduler", ""),
        ("system:kube-proxy", "proxy", ""),
        (f"system:node:{node.name}", "kubelet", "system:nodes"),
        ("skill:coredns", "coredns", ""),
        ("skill:addons", "addons", "system:masters"),
    ):
        _issue(folder, name, cluster, user, group=group)
        write_kubeconfig(folder / f"{name}.kubeconfig", node.name, local, folder, name)
    _issue(folder, "admin", cluster, "kubernetes-admin", group="system:masters")
    write_kubeconfig(node.kubeconfig, node.name, node.server, folder, "admin")


def write_kubeconfig(path: Path, context: str, server: str, folder: Path, name: str) -> None:
    """A kubeconfig with everything embedded, mode 0600, whose one context is `context`."""

    def data(file: str) -> str:
        return b64encode((folder / file).read_bytes()).decode()

    user = {
        "client-certificate-data": data(f"{name}.crt"),
        "client-key-data": data(f"{name}.key"),
    }
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": context,
        "clusters": [
            {
                "name": context,
                "cluster": {"server": server, "certificate-authority-data": data("ca.crt")},
            }
        ],
        "users": [{"name": context, "user": user}],
        "contexts": [{"name": context, "context": {"cluster": context, "user": context}}],
    }
    write_private(path, json.dumps(config, indent=2).encode())


def write_private(path: Path, content: bytes) -> None:
    """Write a file that only its owner reads, from its first byte on."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)


def _authority(folder: Path, name: str, common_name: str) -> Authority:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    builder = _builder(subject, subject, key).add_extension(
        x509.BasicConstraints(ca=True, path_length=0), critical=True
    )
    builder = builder.add_extension(_usage(authority=True), critical=True)
    # Python 3.13 and later ask for both key identifiers.
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    builder = builder.add_extension(identifier, critical=False)
    certificate = builder.sign(key, hashes.SHA256())
    _write_pair(folder, name, certificate, key)
    return Authority(certificate, key)


def _issue(
    folder: Path,
    name: str,
    authority: Authority,
    user: str,
    *,
    group: str = "",
    names: list[str] | None = None,
    addresses: list[str] | None = None,
) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    attributes = [x509.NameAttribute(NameOID.COMMON_NAME, user)]
    if group:
        attributes.insert(0, x509.NameAttribute(NameOID.ORGANIZATION_NAME, group))
    builder = _builder(x509.Name(attributes), authority.certificate.subject, key)
    builder = builder.add_extension(_usage(authority=False), critical=True)
    issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key())
    builder = builder.add_extension(issuer, critical=False)
    usages = [ExtendedKeyUsageOID.CLIENT_AUTH]
    if names or addresses:
        usages.append(ExtendedKeyUsageOID.SERVER_AUTH)
        alternatives: list[x509.GeneralName] = [x509.DNSName(text) for text in names or []]
        alternatives += [x509.IPAddress(ipaddress.ip_address(text)) for text in addresses or []]
        builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
    builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=False)
    _write_pair(folder, name, builder.sign(authority.key, hashes.SHA256()), key)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - SKEW)
        .not_valid_after(now + LIFETIME)
    )


def _usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=not authority,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )


def _write_pair(
    folder: Path, name: str, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey
) -> None:
    (folder / f"{name}.crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    write_private(folder / f"{name}.key", _key_bytes(key))


def _key_bytes(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _write_service_account_key(folder: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    write_private(folder / "service-accounts.key", _key_bytes(key))
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    (folder / "service-accounts.pub").write_bytes(public)
