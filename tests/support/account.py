"""A ServiceAccount with the rights that `skill describe --rbac` prints, and what it asked for."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from skill_runner.backends.base import Cluster, Right
from skill_runner.backends.kube import connect
from skill_runner.errors import NotFound
from skill_runner.execution.rbac import ACCOUNT, rules
from skill_runner.objects import Object, Ref
from tests.integration.faults.users import issued_token, kubeconfig_with, token_secret
from tests.support.driver import WRITES, Driver

SHARED: Final = ("Namespace", "ServiceAccount")  # they outlive the roles of one command


@dataclass(frozen=True, slots=True)
class Asked:
    """One request of the account, by the audit log."""

    verb: str
    uri: str
    status: int

    @property
    def is_write(self) -> bool:
        exempt = any(word in self.uri for word in ("dryRun=All", "accessreviews", "rulesreviews"))
        return self.verb in WRITES and not exempt


@dataclass(frozen=True, slots=True)
class Account:
    """Who acts: `user` is the driver of whoever has only the account's token.

    `roles` are all that the account has had: roles and bindings; `made` the namespaces that go
    with it.
    """

    admin: Driver
    user: Driver
    namespace: str
    roles: set[Ref]
    made: tuple[Ref, ...]

    def have(self, documents: Sequence[Object], denied: Right | None = None) -> None:
        """Grant the rights of the documents but for one, and take every other right away."""
        roles = [without(doc, denied) for doc in documents if doc["kind"] not in SHARED]
        wanted = {Ref.of(role) for role in roles}
        for ref in self.roles - wanted:
            self.admin.drop(ref)
        self.roles.clear()
        self.roles.update(wanted)
        granted = [right for doc in roles for right in rights_in(doc)]
        asyncio.run(_grant(self.admin, self.user, roles, granted, denied))

    def asked_since(self, position: int) -> list[Asked]:
        assert self.admin.audit_log is not None
        me = f"system:serviceaccount:{self.namespace}:{ACCOUNT}"
        with self.admin.audit_log.open() as log:
            log.seek(position)
            return [
                Asked(e["verb"], e["requestURI"], e["responseStatus"]["code"])
                for e in map(json.loads, log)
                if e["user"]["username"] == me and "responseStatus" in e
            ]


def rights_in(role: Object) -> Iterator[Right]:
    """What a Role or a ClusterRole grants, one by one."""
    for rule in role.get("rules") or ():
        for verb in rule["verbs"]:
            yield from (Right(verb, "", "", url=url) for url in rule.get("nonResourceURLs") or ())
            for resource in rule.get("resources") or ():
                for name in rule.get("resourceNames") or ("",):
                    group, space = rule["apiGroups"][0], role["metadata"].get("namespace")
                    yield Right(verb, group, resource, space, name)


def without(role: Object, denied: Right | None) -> Object:
    """The same role with one right fewer."""
    return {**role, "rules": rules(set(rights_in(role)) - {denied})} if "rules" in role else role


@contextmanager
def account(driver: Driver, documents: Sequence[Object], folder: Path) -> Iterator[Account]:
    """The account with what it acts in: namespaces, and the token's kubeconfig.

    The namespaces that were made are being deleted afterwards, for the caller to see them go.
    """
    [service] = [doc for doc in documents if doc["kind"] == "ServiceAccount"]
    namespace = str(service["metadata"]["namespace"])
    spaces = [doc["metadata"]["name"] for doc in documents if doc["kind"] == "Namespace"]
    made = tuple(Ref("v1", "Namespace", s) for s in spaces if driver.make_if_missing(s))
    driver.apply(service, token_secret(ACCOUNT, namespace, ACCOUNT))
    path, roles = folder / "kubeconfig", set[Ref]()
    path.write_text(asyncio.run(_kubeconfig(driver, namespace)))
    try:
        yield Account(driver, replace(driver, kubeconfig=path), namespace, roles, made)
    finally:
        for ref in (*roles, Ref("v1", "Secret", ACCOUNT, namespace), Ref.of(service)):
            driver.drop(ref)
        for ref in made:
            driver.delete(ref)


async def _kubeconfig(driver: Driver, namespace: str) -> str:
    cluster = await connect(str(driver.kubeconfig), driver.context)
    try:
        token = await issued_token(cluster, namespace, ACCOUNT)
        return kubeconfig_with(cluster, {"token": token})
    finally:
        await cluster.close()


async def _grant(
    admin: Driver,
    user: Driver,
    roles: Iterable[Object],
    granted: Sequence[Right],
    denied: Right | None,
) -> None:
    """Apply the roles; until the authorizer, which watches them, knows of the newest."""
    cluster: Cluster = await connect(str(admin.kubeconfig), admin.context)
    limited: Cluster = await connect(str(user.kubeconfig), user.context)
    lacking = (denied,) if denied else ()
    try:
        for role in roles:
            await cluster.apply(role)
        for _ in range(200):
            if await limited.denied([*granted, *lacking]) == lacking:
                return
            await asyncio.sleep(0.05)
    finally:
        await cluster.close()
        await limited.close()
    raise NotFound(f"the roles did not come to hold; denied: {lacking}", status=404)
