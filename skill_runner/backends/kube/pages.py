"""One list, read page by page, so that neither the server nor we hold a big collection whole."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from skill_runner.backends.base import ObjectList, Pick
from skill_runner.backends.kube.transport import Transport
from skill_runner.errors import Gone
from skill_runner.objects import Object

PAGE: Final = 500  # as kubectl asks
RESTARTS: Final = 3  # a list that is compacted away again and again is read whole in the end
BARE: Final = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"


class Pages:
    """A list by its path and selectors; see `Cluster.list`."""

    def __init__(
        self,
        transport: Transport,
        path: str,
        selectors: Mapping[str, str],
        *,
        own: Mapping[str, str],
        pick: Pick | None,
        most: int | None,
        bare: bool,
        retry: bool,
    ) -> None:
        self._transport, self._path, self._selectors = transport, path, selectors
        self._own, self._pick, self._most = own, pick, most
        self._accept = BARE if bare else "application/json"
        self._bare, self._retry = bare, retry

    async def read(self) -> ObjectList:
        """All of it. The server keeps a list for some minutes only: when the rest is gone
        (410), the list is read again from its beginning."""
        for _ in range(RESTARTS):
            try:
                return await self._all(PAGE)
            except Gone:
                continue
        return await self._all(None)

    async def _all(self, page: int | None) -> ObjectList:
        size = page if self._most is None else min(self._most, page or self._most)
        kept: list[Object] = []
        rest, version = "", ""
        while True:
            answer = await self._page(size, rest)
            meta = answer.get("metadata") or {}
            version = version or str(meta.get("resourceVersion", ""))
            kept += self._kept(answer)
            rest = str(meta.get("continue") or "")
            if not rest or (self._most is not None and len(kept) >= self._most):
                return ObjectList(tuple(kept[: self._most]), version)

    async def _page(self, size: int | None, rest: str) -> dict[str, Any]:
        query = dict(self._selectors)
        if size is not None:
            query["limit"] = str(size)
        if rest:
            query["continue"] = rest
        answer: dict[str, Any] = await self._transport.json(
            "GET", self._path, query=query, accept=self._accept, retry=self._retry
        )
        return answer

    def _kept(self, answer: Mapping[str, Any]) -> list[Object]:
        found: list[Object] = []
        for item in answer.get("items") or ():
            obj = (
                {**self._own, "metadata": item["metadata"]} if self._bare else {**self._own, **item}
            )
            picked = obj if self._pick is None else self._pick(obj)
            if picked is not None:
                found.append(picked)
        return found
