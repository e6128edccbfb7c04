"""The routes: health, events from the sidecar, and what other services may ask."""

from __future__ import annotations

import hmac
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any, Literal
from uuid import NAMESPACE_URL, uuid5

import httpx2
from fastapi import Depends, FastAPI, Header, HTTPException, Path, Request, Response
from pydantic import ValidationError

from service import logs, progress
from service.catalogue import LESSONS, Lesson
from service.dapr import Dapr, DaprError
from service.settings import Settings

log = logging.getLogger("service")
Status = Literal["SUCCESS", "RETRY", "DROP"]


def dapr_of(request: Request) -> Dapr:
    dapr: Dapr = request.app.state.dapr
    return dapr


def from_sidecar(request: Request) -> None:
    """Refuse what does not show the token that Dapr sends with every call of the sidecar.

    Without one in the environment (tests, a machine of your own) everybody may call.
    """
    expected: str = request.app.state.app_token
    shown = request.headers.get("dapr-api-token", "")
    if expected and not hmac.compare_digest(shown.encode(), expected.encode()):
        log.warning("event refused", extra={"why": "it does not come from the sidecar"})
        raise HTTPException(401, "events come from the sidecar")


Sidecar = Annotated[Dapr, Depends(dapr_of)]
IdempotencyKey = Annotated[str | None, Header(min_length=1, max_length=200)]
Learner = Annotated[str, Path(max_length=200, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")]


def create_app(
    settings: Settings | None = None, transport: httpx2.AsyncBaseTransport | None = None
) -> FastAPI:
    """The application; tests give a transport that plays the sidecar."""
    settings = settings or Settings.of()
    logs.configure(settings.log_level)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.dapr = Dapr(settings, transport)
        log.info("started", extra={"pubsub": settings.pubsub, "state_store": settings.state_store})
        yield
        await app.state.dapr.close()  # after the last open request
        log.info("stopped")

    app = FastAPI(
        title="Lessons",
        version="0.1.0",
        lifespan=lifespan,
        openapi_url="/openapi.json" if settings.docs else None,  # and with it /docs
    )
    app.state.app_token = settings.app_token
    app.state.group = settings.group
    app.get("/healthz", tags=["health"])(alive)
    app.get("/readyz", tags=["health"])(ready)
    app.post("/events", tags=["events"], dependencies=[Depends(from_sidecar)])(receive)
    app.get("/lessons", tags=["lessons"])(offer)
    app.get("/learners/{learner}", tags=["progress"])(show)
    app.post("/lessons", tags=["progress"], status_code=202)(complete)
    return app


async def alive() -> dict[str, str]:
    """The process answers. It asks nobody: a broken dependency is no reason for a restart."""
    return {"status": "alive"}


async def ready(dapr: Sidecar, response: Response) -> dict[str, str]:
    """The sidecar and its components serve, so requests can be."""
    if await dapr.is_ready():
        return {"status": "ready"}
    response.status_code = 503
    return {"status": "the sidecar is not ready"}


async def receive(request: Request, dapr: Sidecar) -> dict[str, Status]:
    """A CloudEvent from the sidecar; the answer says what becomes of it.

    RETRY is tried again, as the Resiliency says, and then goes to the dead-letter topic. An event
    that is wrong goes there at once with the reason, since no retry fixes it.
    """
    body: Any = None
    try:
        body = await request.json()
        if progress.is_proof_of_another(body, request.app.state.group):
            return {"status": "SUCCESS"}
        event = progress.Event.model_validate(body)
    except (ValidationError, ValueError) as error:
        return {"status": await bury(dapr, body, _reasons(error))}
    told = {"event": event.id, "trace": request.headers.get("traceparent")}
    try:
        new = await progress.record(dapr, event)
    except DaprError as error:
        log.warning("event is tried again", extra={**told, "why": str(error)})
        return {"status": "RETRY"}
    log.info("event handled" if new else "event was handled before", extra=told)
    return {"status": "SUCCESS"}


async def bury(dapr: Dapr, body: Any, reasons: list[str]) -> Status:
    """Answer for an event that is wrong; DROP leaves it to Dapr, which knows no reason."""
    about = body.get("id") if isinstance(body, dict) else None
    log.error("event is wrong", extra={"event": about, "why": reasons})
    try:
        buried = about is not None and await dapr.bury(body, "; ".join(reasons))
    except DaprError as error:
        log.warning("event is tried again", extra={"event": about, "why": str(error)})
        return "RETRY"
    return "SUCCESS" if buried else "DROP"


def _reasons(error: Exception) -> list[str]:
    """Without the values: an event may hold what does not belong in a log."""
    if isinstance(error, ValidationError):
        return [f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()]
    return ["it is not JSON"]


async def offer() -> list[Lesson]:
    """The lessons that there are, for a front end."""
    return list(LESSONS)


async def show(learner: Learner, dapr: Sidecar) -> dict[str, Any]:
    """A learner's completed lessons; other services call this through their sidecars."""
    try:
        found = await progress.find_progress(dapr, learner)
    except DaprError as error:
        log.warning("state cannot be read", extra={"why": str(error)})
        raise HTTPException(503, "the state store does not answer") from error
    if found is None:
        raise HTTPException(404, f"nothing is known of {learner}")
    return {"learner": found.learner, "lessons": found.lessons}


async def complete(
    completed: progress.Completed, dapr: Sidecar, idempotency_key: IdempotencyKey = None
) -> dict[str, str]:
    """Say that a lesson is completed, as an event for everyone who wants to know.

    A client that heard no answer sends the same again, with the same Idempotency-Key: that is the
    same event, whoever handles it.
    """
    data, id = completed.model_dump(), None
    if idempotency_key:
        id = str(uuid5(NAMESPACE_URL, f"{idempotency_key} {completed.model_dump_json()}"))
    try:
        await dapr.publish(data, key=completed.learner, id=id)
    except DaprError as error:
        log.warning("event cannot be published", extra={"why": str(error)})
        raise HTTPException(503, "the broker does not answer") from error
    return {"status": "accepted"}


app = create_app()
