"""Connection strings of managed databases into the values of a Secret."""

from __future__ import annotations

import pytest

from skill_runner.hooks.postgres import connection_values

POOLED = (
    "postgresql://app:p%40ss@ep-calm-sun-123-pooler.eu-central-1.aws.neon.tech/lessons"
    "?sslmode=require&channel_binding=require"
)


def test_verification_is_full_and_the_direct_connection_is_found() -> None:
    values = connection_values(POOLED, "", "CERTIFICATES")
    host = "ep-calm-sun-123-pooler.eu-central-1.aws.neon.tech"
    assert values == {
        "username": "app",
        "password": "p@ss",
        "host": host,
        "port": "5432",
        "dbname": "lessons",
        "uri": f"postgresql://app:p%40ss@{host}/lessons"
        "?sslmode=verify-full&channel_binding=require",
        "direct-uri": f"postgresql://app:p%40ss@{host.replace('-pooler', '')}/lessons"
        "?sslmode=verify-full&channel_binding=require",
        "jdbc-uri": f"jdbc:postgresql://{host}:5432/lessons"
        "?user=app&password=p%40ss&sslmode=verify-full",
        "ca.crt": "CERTIFICATES",
    }


def test_a_host_of_someone_elses_is_not_guessed_at() -> None:
    values = connection_values("postgres://a:b@db-pooler.example.org:6432/d", "", "")
    assert values["direct-uri"] == values["uri"]
    assert values["uri"] == "postgresql://a:b@db-pooler.example.org:6432/d?sslmode=verify-full"
    given = connection_values(
        "postgres://a:b@db-pooler.example.org/d", "postgres://a:b@db.example.org/d", ""
    )
    assert given["direct-uri"] == "postgresql://a:b@db.example.org/d?sslmode=verify-full"


@pytest.mark.parametrize("weak", ["disable", "require", "verify-ca"])
def test_less_than_full_verification_is_not_left(weak: str) -> None:
    uri = f"postgresql://a:b@db.example.org/d?sslmode={weak}&sslrootcert=/x&application_name=y"
    assert connection_values(uri, "", "")["uri"].partition("?")[2] == (
        "sslmode=verify-full&application_name=y"
    )


def test_settings_keep_their_spaces() -> None:
    uri = "postgresql://a:b@db.example.org/d?options=-c%20geqo%3Doff"
    assert connection_values(uri, "", "")["uri"].endswith("&options=-c%20geqo%3Doff")


@pytest.mark.parametrize(
    ("uri", "words"),
    [
        ("mysql://app:hunter22@db.example.org/d", "expected postgresql://"),
        ("host=db.example.org password=hunter22", "expected postgresql://"),
        ("postgresql://app:hunter22@[::1/d", "no URI"),
        ("postgresql://app:hunter22@db.example.org:port/d", "no URI"),
        ("postgresql://app@db.example.org/d", "no password"),
        ("postgresql://app:hunter22@db.example.org", "no database"),
        ("postgresql://app:hunter22@/d", "no host"),
        ("postgresql://app:hunter22@192.0.2.7/d", "host is an address"),
        ("postgresql://app:hunter22@a.example.org,b.example.org/d", "several hosts"),
    ],
)
def test_what_cannot_be_used_is_said_without_it(uri: str, words: str) -> None:
    with pytest.raises(ValueError, match=words) as caught:
        connection_values(uri, "", "")
    assert "hunter22" not in str(caught.value)
