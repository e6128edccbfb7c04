"""The version of a program, as the tag of its image says it."""

from __future__ import annotations

import re
from typing import Final

from skill_runner.errors import NotFound
from skill_runner.hooks.context import Context, GiveUp
from skill_runner.objects import Object, Ref, at

# A first number that stands alone ("8rc1" has none), and those that follow it
NUMBERS: Final = re.compile(r"v?(\d{1,9}(?=[-._+]|$)(?:\.\d{1,9})*)")


def version_of(image: str) -> tuple[int, ...]:
    """Return the numbers that the tag of an image begins with; () where it begins with none.

    version_of("docker.io/library/postgres:17.12-bookworm") == (17, 12)
    """
    tag = image.partition("@")[0].rpartition("/")[2].partition(":")[2]
    found = NUMBERS.match(tag)
    return tuple(int(number) for number in found[1].split(".")) if found else ()


def major_version(ctx: Context, image: str, *, oldest: int = 0) -> int:
    """Return the major version of one of the skill's images.

    GiveUp when its tag says none, or one that is older than `oldest`.

        major_version(ctx, "postgres", oldest=17) == 17
    """
    choice = ctx.images[image]
    version = version_of(choice.ref)
    if not version:
        raise GiveUp(
            f"the tag of image {choice.ref} does not say which version it is",
            hint=f"Name a tag that begins with the version, as {choice.official} does.",
        )
    if version[0] < oldest:
        raise GiveUp(f"image {choice.ref} is older than version {oldest}, the first that fits")
    return version[0]


async def check_not_older(ctx: Context, image: str, workload: Ref, why: str) -> None:
    """Raise GiveUp when an image is older, by major and minor version, than one that has run.

    `image` is the name of one of the skill's, `workload` what runs its first container, if it is
    there; `why` ends the message. An image that never started in any of its pods has run nowhere:
    who goes back from it loses nothing. Where there are no pods, the workload's own image counts.
    Tags that do not say both numbers are not compared.

        await check_not_older(ctx, "kafka", brokers, "brokers do not start on newer metadata")
    """
    try:
        found = await ctx.get(workload)
    except NotFound:
        return
    new = ctx.images[image].ref
    want = version_of(new)[:2]
    for ran in await _have_run(ctx, found):
        have = version_of(ran)[:2]
        if len(want) == len(have) == 2 and want < have:
            raise GiveUp(
                f"{new} is older than {ran}, which has run here: {why}",
                hint=f"Keep {have[0]}.{have[1]} or newer, or install another beside it: --name.",
            )


async def _have_run(ctx: Context, workload: Object) -> list[str]:
    """The images of the first container that started in the workload's pods."""
    labels = at(workload, "spec.selector.matchLabels", {})
    selector = ",".join(f"{key}={value}" for key, value in sorted(labels.items()))
    pods = await ctx.list("v1", "Pod", labels=selector) if selector else ()
    if not pods:
        return [workload["spec"]["template"]["spec"]["containers"][0]["image"]]
    first = [pod["spec"]["containers"][0] for pod in pods]
    return [each["image"] for pod, each in zip(pods, first, strict=True) if _ran(pod, each["name"])]


def _ran(pod: Object, container: str) -> bool:
    """Tell whether a container of a pod has ever started."""
    statuses = at(pod, "status.containerStatuses", [])
    return any(
        at(status, path) is not None
        for status in statuses
        if status["name"] == container
        for path in ("state.running", "state.terminated", "lastState.terminated")
    )
