"""A steady stream of clients through a Service, in a pod of the application's own image."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from skill_runner.backends.base import Cluster
from skill_runner.backends.clock import SystemClock
from skill_runner.backends.kube import connect
from skill_runner.hooks.pods import pod_manifest, run_to_completion
from skill_runner.objects import Ref
from skill_runner.plan import Installation
from tests.support.api import until_deleted, until_pod_ready
from tests.support.driver import Driver

# Each client keeps its connections, asks for the page, then for the assets that the page names and
# for those of the first page that it ever saw. It goes on until it is told that it is enough, and
# then some rounds more: the pods that the first page came from are gone by then.
CLIENTS: Final = r"""
const fs = require('fs');
const http = require('http');
const { HOST, WORDS } = process.env;
const ASSET = /\/_next\/static\/[^"'\\]+\.(?:js|css|woff2)(?:\?[^"'\\]*)?/g;
const MORE = 8, CLIENTS = 5;
const count = { asked: 0, old: 0, new: 0, sentOn: 0, kept: 0 };
const failures = [];
let rounds = 0;
const get = (agent, path) => new Promise((done) => {
  count.asked++;
  const fail = (what) => {
    failures.push(`${new Date().toISOString()} ${path}: ${what}`);
    done('');
  };
  const request = http.get({ host: HOST, path, agent, timeout: 15000 }, (response) => {
    if (response.headers.connection === 'close') count.sentOn++;
    let text = '';
    response.on('data', (part) => { text += part; });
    response.on('error', (error) => fail(error.message));
    response.on('end', () => {
      if (response.statusCode !== 200) fail(response.statusCode);
      done(text);
    });
  });
  request.on('timeout', () => request.destroy(new Error('timeout')));
  request.on('error', (error) => fail(error.message));
});
async function client() {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 2 });
  let first;
  for (let left = MORE; left; ) {
    const page = await get(agent, '/');
    const assets = [...new Set(page.match(ASSET))];
    if (page) count[page.includes(WORDS) ? 'new' : 'old']++;
    first ??= assets;
    await Promise.all([...new Set([...assets, ...first])].map((path) => get(agent, path)));
    if (!fs.existsSync('/tmp/enough')) left = MORE;
    else if (--left === 0) count.kept += first.filter((path) => !assets.includes(path)).length;
    if (++rounds === 2 * CLIENTS) fs.writeFileSync('/tmp/steady', '');
    await new Promise((done) => setTimeout(done, 50));
  }
}
Promise.all(Array.from({ length: CLIENTS }, client)).then(() => {
  const failed = failures.length;
  console.log(JSON.stringify({ ...count, failed, failures: failures.slice(0, 10) }));
});
"""
# Each caller keeps its connection, and takes any end of it that no answer announced as a failure.
CALLERS: Final = r"""
import http.client, json, os, threading, time
from pathlib import Path
CALLERS, MORE = 5, 20
enough, steady = Path('/tmp/enough'), Path('/tmp/steady')
count = {'asked': 0, 'sent_on': 0, 'failures': []}
def call():
    kept, left = http.client.HTTPConnection(os.environ['HOST'], timeout=15), MORE
    while left:
        count['asked'] += 1
        try:
            kept.request('GET', os.environ['REQUEST'])
            answer = kept.getresponse()
            answer.read()
            if answer.status != 200:
                count['failures'].append(answer.status)
            count['sent_on'] += answer.getheader('connection') == 'close'
        except (OSError, http.client.HTTPException) as error:
            count['failures'].append(f'{time.time():.3f} {error!r}')
            kept.close()
        left = left - 1 if enough.exists() else MORE
        if count['asked'] > 10 * CALLERS:
            steady.touch()
        time.sleep(0.05)
callers = [threading.Thread(target=call) for _ in range(CALLERS)]
for each in callers: each.start()
for each in callers: each.join()
print(json.dumps(count))
"""
STEADY: Final = {"exec": {"command": ["test", "-f", "/tmp/steady"]}, "periodSeconds": 1}
RESOURCES: Final = {
    "requests": {"cpu": "50m", "memory": "64Mi"},
    "limits": {"cpu": "1", "memory": "256Mi"},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """Requests, pages of either version, answers that sent a client to another connection.

    `kept` are assets of the first pages that the last ones do not name, asked for to the end.
    """

    asked: int
    old: int
    new: int
    sentOn: int  # noqa: N815
    kept: int
    failed: int
    failures: list[str]


def during(
    driver: Driver, work: Callable[[], Any], *, image: str, installation: Installation, words: str
) -> tuple[Any, Seen]:
    """What `work` gives, and what the clients saw from before it until the old pods were gone."""
    clients = Clients(["node", "-e", CLIENTS], {"WORDS": words}, image, installation)
    done, said = asyncio.run(_during(driver, work, clients))
    return done, Seen(**said)


def during_calls(
    driver: Driver, work: Callable[[], Any], *, image: str, installation: Installation, path: str
) -> tuple[Any, dict[str, Any]]:
    """The same, with clients that call one path, in an image with Python."""
    clients = Clients(["python", "-c", CALLERS], {"REQUEST": path}, image, installation)
    return asyncio.run(_during(driver, work, clients))


@dataclass(frozen=True, slots=True)
class Clients:
    """What asks the Service of an installation; it says what it saw as its last line, in JSON."""

    command: Sequence[str]
    env: Mapping[str, str]
    image: str
    installation: Installation


async def _during(driver: Driver, work: Callable[[], Any], clients: Clients) -> tuple[Any, Any]:
    space, name = clients.installation.namespace, clients.installation.name
    manifest = pod_manifest(
        name="traffic",
        installation=Installation(space, "traffic"),
        image=clients.image,
        command=clients.command,
        env={"HOST": f"{name}.{space}.svc", **clients.env},
        resources=RESOURCES,
        labels={},
        overrides={},
    )
    manifest["spec"]["containers"][0]["readinessProbe"] = STEADY
    cluster = await connect(str(driver.kubeconfig), driver.context)
    try:
        before = await _pods(cluster, space, name)
        async with asyncio.TaskGroup() as group:
            traffic = group.create_task(
                run_to_completion(cluster, SystemClock(), manifest, timeout=600)
            )
            await until_pod_ready(cluster, pod=Ref("v1", "Pod", "traffic", space))
            done = await asyncio.to_thread(work)
            for pod in before:
                await until_deleted(cluster, pod)
            await cluster.exec(space, "traffic", "main", ["touch", "/tmp/enough"])
        _, logs = traffic.result()
        return done, json.loads(logs)
    finally:
        await cluster.close()


async def _pods(cluster: Cluster, namespace: str, name: str) -> list[Ref]:
    labels = f"app.kubernetes.io/name={name},app.kubernetes.io/instance={name}"
    found = (await cluster.list("v1", "Pod", namespace=namespace, labels=labels)).items
    return [Ref("v1", "Pod", pod["metadata"]["name"], namespace) for pod in found]
