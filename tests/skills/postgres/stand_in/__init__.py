"""A managed PostgreSQL in the cluster: TLS by an authority of its own, routed by server name."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from skill_runner.objects import Object

PASSWORD: Final = "a-password-of-the-provider-8f3c"
POOLED: Final = "ep-calm-sun-pooler"
DIRECT: Final = "ep-calm-sun"
UNKNOWN: Final = "ep-other"
LABELS: Final = {"app": "managed-postgres"}
# A name that is not known leads nowhere; stunnel speaks PostgreSQL's way into TLS.
STUNNEL: Final = """
foreground = yes
pid =
[provider]
accept = 6432
connect = 127.0.0.1:1
protocol = pgsql
cert = /etc/stand-in/tls.crt
key = /etc/stand-in/tls.key
[pooled]
sni = provider:{pooled}
connect = 127.0.0.1:5432
cert = /etc/stand-in/tls.crt
key = /etc/stand-in/tls.key
[direct]
sni = provider:{direct}
connect = 127.0.0.1:5432
cert = /etc/stand-in/tls.crt
key = /etc/stand-in/tls.key
"""


@dataclass(frozen=True, slots=True)
class Authority:
    """Certificates of a test's own, as PEM."""

    certificate: str
    server: str
    key: str


def make_authority(names: list[str]) -> Authority:
    """An authority, and a certificate that it signed for these names."""
    root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"authority of {names[0]}"[:64])])
    root = _builder(name, name, root_key.public_key()).add_extension(
        x509.BasicConstraints(ca=True, path_length=None), critical=True
    )
    own = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
    server = _builder(own, name, key.public_key()).add_extension(
        x509.SubjectAlternativeName([x509.DNSName(n) for n in names]), critical=False
    )
    return Authority(
        _pem(root.sign(root_key, hashes.SHA256())),
        _pem(server.sign(root_key, hashes.SHA256())),
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ).decode(),
    )


def _builder(subject: x509.Name, issuer: x509.Name, key: Any) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
    )


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def host(name: str, namespace: str) -> str:
    return f"{name}.{namespace}.svc"


def uri(name: str, namespace: str, *, password: str = PASSWORD) -> str:
    """As a provider shows it: TLS is required, and nothing is verified."""
    return f"postgresql://owner:{password}@{host(name, namespace)}/lessons?sslmode=require"


def manifests(namespace: str, authority: Authority, postgres: str, stunnel: str) -> list[Object]:
    """Secret, pod and one Service for each name."""
    conf = STUNNEL.format(pooled=host(POOLED, namespace), direct=host(DIRECT, namespace))
    values = {
        "tls.crt": authority.server,
        "tls.key": authority.key,
        "stunnel.conf": conf,
        "password": PASSWORD,
    }
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "stringData": values,
        "metadata": {"name": "managed-postgres", "namespace": namespace},
    }
    return [
        secret,
        _pod(namespace, postgres, stunnel),
        *(_service(name, namespace) for name in (POOLED, DIRECT, UNKNOWN)),
    ]


def _pod(namespace: str, postgres: str, stunnel: str) -> Object:
    """The database is made by the image's own entrypoint, as its documentation says."""
    ready = {"exec": {"command": ["pg_isready", "-h", "127.0.0.1"]}, "periodSeconds": 1}
    database = {
        "name": "postgres",
        "image": postgres,
        "imagePullPolicy": "IfNotPresent",
        "env": [
            {"name": "POSTGRES_USER", "value": "owner"},
            {"name": "POSTGRES_DB", "value": "lessons"},
            {"name": "POSTGRES_PASSWORD_FILE", "value": "/etc/stand-in/password"},
            {"name": "POSTGRES_INITDB_ARGS", "value": "--data-checksums"},
        ],
        "volumeMounts": [{"name": "files", "mountPath": "/etc/stand-in"}],
        "readinessProbe": ready,
        "securityContext": {"runAsUser": 999, "runAsGroup": 999},
    }
    tls = {
        "name": "tls",
        "image": stunnel,
        "imagePullPolicy": "IfNotPresent",
        "volumeMounts": [{"name": "files", "mountPath": "/etc/stand-in"}],
        "readinessProbe": {"tcpSocket": {"port": 6432}, "periodSeconds": 1},
    }
    volume = {"name": "files", "secret": {"secretName": "managed-postgres"}}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "managed-postgres", "namespace": namespace, "labels": LABELS},
        "spec": {
            "containers": [database, tls],
            "volumes": [volume],
            "terminationGracePeriodSeconds": 1,
            "automountServiceAccountToken": False,
        },
    }


def _service(name: str, namespace: str) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"selector": LABELS, "ports": [{"port": 5432, "targetPort": 6432}]},
    }
