"""The context of a hook: its inputs, and the one way to the cluster that works everywhere."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Self

from skill_runner.backends.base import Clock, Cluster, ExecResult, Helm
from skill_runner.backends.fence import Fence, fence_cluster, fence_helm
from skill_runner.errors import HookFailed, with_list
from skill_runner.hooks.pods import job_of, pod_manifest, run_to_completion
from skill_runner.objects import Object, Ref
from skill_runner.outcome import Code
from skill_runner.plan import ImageChoice, Installation, Plan, PlannedRelease
from skill_runner.progress import Note, Report
from skill_runner.text.quoting import excerpt

SMALL: Final = {
    "requests": {"cpu": "50m", "memory": "64Mi"},
    "limits": {"cpu": "500m", "memory": "256Mi"},
}
EVIDENCE: Final = 6  # lines of a script that failed


class RetryLater(Exception):
    """Not yet: call the hook again after `after` seconds, within its time."""

    def __init__(self, message: str, *, after: float = 1.0) -> None:
        super().__init__(message)
        self.after = after


class GiveUp(Exception):
    """It will not work, and why; `hint` is the next step.

    A hook that knows the cause names it: `code` is one of the outcome's, `resource` as an outcome
    names it ("Pod kafka/kafka-0 container kafka"). `listed` are lines that the message introduces,
    such as the last ones of a program; lines after the message's first are evidence, too.
    """

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        code: Code | None = None,
        resource: str = "",
        listed: Sequence[str] = (),
    ) -> None:
        super().__init__(with_list(message, listed))
        self.message = message
        self.listed = tuple(listed)
        self.hint = hint
        self.code = code
        self.resource = resource


def script_command(script: Path, *arguments: str) -> list[str]:
    """Return the command that runs a script of the skill: by python3 where its name ends in .py,
    else by bash; the image needs nothing else.

        command = script_command(SCRIPTS / "probe.py", "prove")
    """
    if script.suffix == ".py":
        return ["python3", "-c", script.read_text(), *arguments]
    named = [script.name, *arguments] if arguments else []  # bash takes the first for $0
    return ["bash", "-c", script.read_text(), *named]


@dataclass(frozen=True, slots=True)
class PodResult:
    """The end of a hook's own pod; `logs` are the last lines of its container, or what the node
    says of a command that it could not start."""

    exit_code: int
    logs: str

    def answer(
        self,
        failure: str = "",
        *,
        hint: str = "",
        not_yet: Sequence[str] = (),
        final: Sequence[str] = (),
    ) -> str:
        """Return the last line that the command printed; "" where it printed none.

        Where it failed, `failure` says of what, and the last lines are the evidence; without
        `failure` the last line says it, and those before it are the evidence.
        RetryLater when they contain one of the texts of `not_yet` and none of `final`, which no
        waiting fixes; GiveUp with `hint` otherwise.

            said = await ctx.run_script(SCRIPTS / "keys.sh", image=image)
            return said.answer("the keys did not come back", not_yet=["Could not connect"])
        """
        lines = [line for line in self.logs.splitlines() if line.strip()][-EVIDENCE:]
        if self.exit_code == 0:
            return lines[-1] if lines else ""
        passing = any(text in self.logs for text in not_yet)
        if passing and not any(text in self.logs for text in final):
            raise RetryLater(f"{failure} yet: {excerpt(lines[-1])}" if failure else lines[-1])
        if failure:
            raise GiveUp(failure, listed=lines, hint=hint)
        *before, last = lines or [f"it printed nothing and ended with code {self.exit_code}"]
        raise GiveUp("\n".join([last, *before]), hint=hint)


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """Handed to every hook. Everything that it makes is in the installation's namespace.

    `inputs`, `let`, `outputs`, `images` and `requires` are those of the plan, `releases` the names
    of Helm releases by the steps' ids, `folder` that of the run, for files to keep (None: there is
    none).
    `cluster` and `helm` raise ApiError, NotFound and Conflict; the shorter methods below do too.
    """

    installation: Installation
    inputs: Mapping[str, Any]
    outputs: Mapping[str, Any]
    images: Mapping[str, ImageChoice]
    cluster: Cluster
    helm: Helm
    clock: Clock
    report: Report
    requires: Mapping[str, Mapping[str, Any]]
    let: Mapping[str, Any] = field(default_factory=dict)
    releases: Mapping[str, str] = field(default_factory=dict)  # names, by the steps' ids
    folder: Path | None = None  # of the run, for what a hook wants to keep

    @classmethod
    def of(
        cls,
        plan: Plan,
        *,
        cluster: Cluster,
        helm: Helm,
        clock: Clock,
        report: Report,
        folder: Path | None = None,
    ) -> Self:
        """Return the Context of a plan's hooks, with these doors to the outside."""
        return cls(
            installation=plan.installation,
            inputs=plan.inputs,
            outputs=plan.outputs,
            images=plan.images,
            requires=plan.requires,
            let=plan.let,
            releases={s.id: s.release for s in plan.steps if isinstance(s, PlannedRelease)},
            cluster=cluster,
            helm=helm,
            clock=clock,
            report=report,
            folder=folder,
        )

    def behind(self, fence: Fence) -> Self:
        """Return the same Context with its doors to the cluster behind a fence."""
        cluster, helm = fence_cluster(self.cluster, fence), fence_helm(self.helm, fence)
        return replace(self, cluster=cluster, helm=helm)

    @property
    def namespace(self) -> str:
        """The namespace of the installation."""
        return self.installation.namespace

    def release(self, step: str) -> str:
        """Return the name of the Helm release that a step of this id installs.

        LookupError when this plan has no such step, also because its `when` is not met.

            pod = f"{ctx.release('server')}-0"
        """
        if step not in self.releases:
            raise LookupError(f"no step {step!r} of this plan installs a release")
        return self.releases[step]

    def secret(self, output: str) -> Ref:
        """Return the Secret in which an output's value is kept, as its `secretKeyRef` names it.

        LookupError when the output is no such reference.

            values = await read_secret(ctx, ctx.secret("password"))
        """
        value = self.outputs[output]
        if not isinstance(value, Mapping) or "secretKeyRef" not in value:
            raise LookupError(f"output {output!r} is not kept in a Secret")
        at = value["secretKeyRef"]
        return Ref("v1", "Secret", at["name"], at["namespace"])

    def note(self, text: str) -> None:
        """Tell the person watching."""
        self.report(Note(text))

    async def get(self, ref: Ref) -> Object:
        """Return an object; NotFound when it is not there.

        service = await ctx.get(Ref("v1", "Service", "orders", ctx.namespace))
        """
        return await self.cluster.get(ref)

    async def list(
        self,
        api_version: str,
        kind: str,
        *,
        labels: str | None = None,
        namespace: str | None = None,
    ) -> tuple[Object, ...]:
        """Return the objects of a kind with these `labels`, by default of the own namespace.

        pods = await ctx.list("v1", "Pod", labels="app=orders")
        """
        found = await self.cluster.list(
            api_version, kind, namespace=namespace or self.namespace, labels=labels
        )
        return found.items

    async def apply(self, manifest: Object) -> Object:
        """Apply a manifest on the server's side, and return the object; Conflict names the owner.

        made = await ctx.apply(manifest)
        """
        return await self.cluster.apply(manifest)

    async def delete(self, ref: Ref, *, grace: int | None = None) -> None:
        """Delete; `grace` is the seconds that a pod has to end, and 0 kills it."""
        await self.cluster.delete(ref, grace=grace)

    async def logs(self, pod: str, container: str, *, tail: int = 100) -> str:
        """Return the last `tail` lines of a container.

        said = await ctx.logs("orders-0", "server", tail=20)
        """
        return await self.cluster.logs(self.namespace, pod, container, tail=tail)

    async def exec(
        self,
        pod: str,
        argv: Sequence[str],
        *,
        container: str,
        stdin: str | None = None,
        timeout: float = 60.0,
    ) -> ExecResult:
        """Run a command in a container of the installation; `timeout` in seconds.

        TimeoutError when it does not end in time, or leaves more than 64 KiB of `stdin` unread.
        """
        return await self.cluster.exec(
            self.namespace, pod, container, argv, stdin=stdin, timeout=timeout
        )

    def port_forward(self, pod: str, port: int) -> AbstractAsyncContextManager[int]:
        """A local port that reaches the pod's, on any cluster."""
        return self.cluster.port_forward(self.namespace, pod, port)

    async def run_pod(
        self,
        *,
        name: str,
        image: str,
        command: Sequence[str],
        env: Mapping[str, Any] | None = None,
        timeout: float = 120.0,
        resources: Mapping[str, Any] | None = None,
        labels: Mapping[str, str] | None = None,
        annotations: Mapping[str, str] | None = None,
        namespace: str | None = None,
        pod: Mapping[str, Any] | None = None,
        by_job: bool = False,
        alone: bool = False,
    ) -> PodResult:
        """Run a command in a pod of its own, with its own limits, and remove the pod.

        `env` values are strings, or `valueFrom` objects; `pod` overrides fields of the pod's spec;
        `by_job` lets a Job make it, for webhooks that ignore the pods that people make.
        HookFailed when it has not ended in `timeout` seconds; Conflict when it is not `alone`.
        """
        manifest = pod_manifest(
            installation=self.installation,
            name=name if alone else f"{name}-{secrets.token_hex(3)}",
            image=image,
            command=command,
            env=env or {},
            resources=resources or SMALL,
            labels=labels or {},
            annotations=annotations,
            namespace=namespace,
            overrides=pod or {},
        )
        made = job_of(manifest) if by_job else manifest
        try:
            ended = await run_to_completion(self.cluster, self.clock, made, timeout=timeout)
        except TimeoutError as error:
            raise HookFailed(f"pod {manifest['metadata']['name']}: {error}") from error
        return PodResult(*ended)

    async def run_script(
        self,
        script: Path,
        *arguments: str,
        image: str,
        env: Mapping[str, Any] | None = None,
        timeout: float = 120.0,
        name: str = "",
        resources: Mapping[str, Any] | None = None,
        labels: Mapping[str, str] | None = None,
    ) -> PodResult:
        """Run a script of the skill (see `script_command`) in a pod of its own; remove the pod.

        `name` is the pod's, the script's without its ending where it is not given; the rest is as
        for `run_pod`. The result's `answer` turns what the script printed into a proof's words.

            said = await ctx.run_script(SCRIPTS / "keys.sh", image=image, env={"WORK": "set get"})
            return said.answer("the keys did not come back")
        """
        return await self.run_pod(
            name=name or script.stem,
            image=image,
            command=script_command(script, *arguments),
            env=env,
            timeout=timeout,
            resources=resources,
            labels=labels,
        )
