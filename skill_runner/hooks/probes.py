"""Run a script of a skill beside a Dapr sidecar, as one more application of the namespace.

The script reads what it is given as JSON from the variable GIVEN. Its last line is the answer; with
the exit code NOT_YET it says what it could not wait for.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from skill_runner.errors import Conflict
from skill_runner.hooks.context import Context, PodResult, RetryLater, script_command
from skill_runner.hooks.dapr import WITHOUT_SECRET_STORE, run_with_sidecar

NOT_YET: Final = 3  # the exit code of a script that is to be asked again
# A script that is called off takes back what it made, by its sidecar.
LEAVE: Final = {"dapr.io/block-shutdown-duration": "3s"}
GRACE: Final = 8  # seconds


async def ask_beside_sidecar(
    ctx: Context,
    script: Path,
    *arguments: str,
    app_id: str,
    mark: str,
    image: str,
    given: Mapping[str, Any],
    timeout: float = 120.0,
) -> str:
    """Run a Python script with this app id, one at a time, and return its last line.

    `image` has Python, `mark` is the label of its pod, `timeout` in seconds. RetryLater when the
    script is to be asked again, or another one of its id runs, which would share its events; GiveUp
    with its last lines when it fails, and for its sidecar as `run_with_sidecar` does.

        return await ask_beside_sidecar(
            ctx, PROBE, "prove", app_id="orders-probe", mark=mark, image=image, given={"topic": "a"}
        )
    """
    try:
        result = await run_with_sidecar(
            ctx,
            app_id=app_id,
            mark=mark,
            image=image,
            command=script_command(script, *arguments),
            env={"GIVEN": json.dumps(given)},
            annotations={**WITHOUT_SECRET_STORE, **LEAVE},
            pod={"terminationGracePeriodSeconds": GRACE},
            timeout=timeout,
            alone=True,
        )
    except Conflict as error:
        raise RetryLater(f"another {app_id} runs in {ctx.namespace}", after=2) from error
    if result.exit_code == NOT_YET:
        raise RetryLater(PodResult(0, result.logs).answer())
    return result.answer()
