"""Many processes that want one lock, forked from one that has imported everything.

Each is a run by its process, its connection and its holder; what it does with the lock is to write
an object of its own, some times. Some die with the lock in their hands.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import signal
import sys
import traceback
from dataclasses import dataclass
from typing import Final

from skill_runner.backends.base import Cluster
from skill_runner.backends.clock import SystemClock
from skill_runner.backends.fence import fence_cluster
from skill_runner.backends.kube import KubeCluster, connect
from skill_runner.backends.kube.transport import open_transport
from skill_runner.backends.kubeconfig import read_kubeconfig
from skill_runner.errors import LockHeld
from skill_runner.installations import lock
from skill_runner.objects import Object
from skill_runner.plan import Installation
from skill_runner.runs.process import Holder

WRITES: Final = 3
DIES: Final = 10  # every one of so many dies after its second write
AGAIN: Final = 0.5  # seconds until whoever was refused tries again


class _Kept(KubeCluster):
    """One connection for all tries of a process."""

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Contender:
    """One of the crowd, by its number."""

    number: int
    kubeconfig: str
    context: str
    installation: Installation

    async def run(self) -> None:
        """Try until it was its turn."""
        clock, me, here = SystemClock(), str(Holder.here()), asyncio.get_running_loop()
        transport = await open_transport(read_kubeconfig(self.kubeconfig).target(self.context))
        cluster = _Kept(transport)

        async def join() -> Cluster:
            if asyncio.get_running_loop() is here:
                return cluster
            return await connect(self.kubeconfig, self.context)  # of the thread of the heartbeats

        try:
            while True:
                try:
                    async with lock.hold(join, self.installation, me, clock) as held:
                        return await self._work(fence_cluster(cluster, held))
                except LockHeld:
                    await clock.sleep(AGAIN)
        finally:
            await transport.close()

    async def _work(self, cluster: Cluster) -> None:
        for turn in range(WRITES):
            await cluster.apply(self._mark(turn))
            if turn == 1 and self.number % DIES == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    def _mark(self, turn: int) -> Object:
        meta = {"name": f"mark-of-{self.number}", "namespace": self.installation.namespace}
        return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {"n": str(turn)}}


def fork(contender: Contender, gate: tuple[int, int]) -> int:
    """The pid of a process that begins once this pipe is closed."""
    if pid := os.fork():
        return pid
    code = 1
    try:
        os.close(gate[1])
        os.read(gate[0], 1)
        asyncio.run(contender.run())
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def main() -> None:
    """Print how many ended in which way: 0 for those who had their turn, else the signal."""
    kubeconfig, context, namespace, name, count = sys.argv[1:]
    gc.freeze()
    gate = os.pipe()
    pids = []
    for number in range(int(count)):
        each = Contender(number, kubeconfig, context, Installation(namespace, name))
        pids.append(fork(each, gate))
    os.close(gate[1])
    ends: dict[int, int] = {}
    for pid in pids:
        end = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        ends[end] = ends.get(end, 0) + 1
    sys.stdout.write(json.dumps({str(end): many for end, many in ends.items()}))


if __name__ == "__main__":
    main()
