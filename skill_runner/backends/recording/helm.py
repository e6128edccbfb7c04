"""A Helm that notes on a recording what Helm refuses, in Helm's own words."""

from __future__ import annotations

from collections.abc import Callable

from skill_runner.backends.base import Helm, Lifeline, Release, ReleaseSpec
from skill_runner.backends.recording.recorder import RecordingCluster
from skill_runner.errors import SkillError
from skill_runner.objects import Object


class RecordingHelm:
    """Give it to a run instead of the real one; the notes go among the recording's moments."""

    def __init__(self, helm: Helm, recording: RecordingCluster) -> None:
        self._helm = helm
        self._recording = recording

    async def template(self, spec: ReleaseSpec) -> tuple[Object, ...]:
        try:
            return await self._helm.template(spec)
        except SkillError as error:
            self._recording.note_refusal(error)
            raise

    async def definitions(self, spec: ReleaseSpec) -> tuple[Object, ...]:
        try:
            return await self._helm.definitions(spec)
        except SkillError as error:
            self._recording.note_refusal(error)
            raise

    async def install_or_upgrade(
        self, spec: ReleaseSpec, *, on_line: Callable[[str], None] | None = None
    ) -> Release:
        try:
            return await self._helm.install_or_upgrade(spec, on_line=on_line)
        except SkillError as error:
            self._recording.note_refusal(error)
            raise

    async def version(self) -> str:
        return await self._helm.version()

    def under(self, lifeline: Lifeline) -> Helm:
        return RecordingHelm(self._helm.under(lifeline), self._recording)

    async def get(self, name: str, namespace: str) -> Release | None:
        return await self._helm.get(name, namespace)

    async def history(self, name: str, namespace: str) -> tuple[Release, ...]:
        return await self._helm.history(name, namespace)

    async def list(self, namespace: str | None = None) -> tuple[Release, ...]:
        return await self._helm.list(namespace)

    async def manifest(
        self, name: str, namespace: str, *, every: bool = False
    ) -> tuple[Object, ...]:
        return await self._helm.manifest(name, namespace, every=every)

    async def hooks(self, name: str, namespace: str, *, every: bool = False) -> tuple[Object, ...]:
        return await self._helm.hooks(name, namespace, every=every)

    async def rollback(self, name: str, namespace: str, revision: int) -> Release:
        return await self._helm.rollback(name, namespace, revision)

    async def uninstall(self, name: str, namespace: str, *, keep_history: bool = False) -> None:
        await self._helm.uninstall(name, namespace, keep_history=keep_history)

    async def mark_failed(self, name: str, namespace: str, revision: int) -> None:
        await self._helm.mark_failed(name, namespace, revision)
