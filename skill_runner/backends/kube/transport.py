"""Requests to one API server: credentials, connections, retries, errors mapped.

The kubernetes client reads the kubeconfig (exec plugins and all) and speaks TLS and HTTP; paths
and JSON are ours, because its typed models lose unknown fields and cost most of its time.

Requests wait for one of `REQUESTS` places, and their time runs from when they have it; watches
take connections of their own, without limit. So neither starves a request.
"""

from __future__ import annotations

import asyncio
import ipaddress
import json
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
from kubernetes.aio import client, config

from skill_runner.backends.base import Target
from skill_runner.backends.kube.attempts import Effect, Lost, Sleep, Transient, attempts
from skill_runner.backends.kube.errors import api_error, unreachable
from skill_runner.errors import ApiError, ClusterUnreachable, Forbidden, SkillError, UsageError

Query = Mapping[str, str | Sequence[str]]

APPLY: Final = "application/apply-patch+yaml"
REQUEST_SECONDS: Final = 30.0
CONNECT_SECONDS: Final = 5.0
REQUESTS: Final = 24  # at a time; API servers take hundreds, from all of their clients together

_NETWORK = (aiohttp.ClientError, OSError, TimeoutError)


class Transport:
    """An open connection to the API server of `target`."""

    def __init__(
        self,
        target: Target,
        configuration: client.Configuration,
        *,
        renew: Callable[[], Awaitable[None]] | None = None,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self.target = target
        self._api = client.ApiClient(configuration)
        self._api.user_agent = "skill-runner"
        self._renew = renew
        self._sleep = sleep
        self._places = asyncio.Semaphore(REQUESTS)
        self._answered = False

    async def json(
        self,
        method: str,
        path: str,
        *,
        query: Query | None = None,
        body: Any = None,
        content: str = "application/json",
        accept: str = "application/json",
        effect: Effect | None = None,
        retry: bool = True,
    ) -> Any:
        """The JSON answer of one request; see `text` for retries and errors."""
        answer = await self.text(
            method,
            path,
            query=query,
            body=body,
            content=content,
            accept=accept,
            effect=effect,
            retry=retry,
        )
        return json.loads(answer)

    async def text(
        self,
        method: str,
        path: str,
        *,
        query: Query | None = None,
        body: Any = None,
        content: str = "application/json",
        accept: str = "*/*",
        effect: Effect | None = None,
        retry: bool = True,
    ) -> bytes:
        """The answer of one request.

        `effect` says what a second attempt would do (`attempts.Effect`); a GET reads, everything
        else is taken for a write unless the caller says otherwise. Without `retry` a connection
        that is lost is not tried again. Errors: those of `errors.api_error` and `unreachable`.
        """
        headers = {"Accept": accept, "Content-Type": content}
        effect = effect or ("read" if method == "GET" else "write")

        async def once() -> bytes:
            return await self._once(method, path, query, headers, body)

        return await attempts(once, effect, self._sleep, lost=retry)

    async def _once(
        self, method: str, path: str, query: Query | None, headers: dict[str, str], body: Any
    ) -> bytes:
        """One attempt. Transient and Lost say that another may be made."""
        timeout = aiohttp.ClientTimeout(total=REQUEST_SECONDS, sock_connect=CONNECT_SECONDS)
        async with (
            self._places,
            self._response(method, path, query, headers, body, timeout) as response,
        ):
            try:
                answer: bytes = await response.read()
            except _NETWORK as error:
                raise self._lost(error) from error
            if response.status < 400:
                return answer
            problem = api_error(response.status, answer, self.target)
            if response.status == 429 or response.status >= 500:
                raise Transient(problem, response.status, response.headers.get("Retry-After"))
            raise problem

    def _lost(self, error: BaseException) -> Exception:
        """Explain why no answer came: final for a server that has never answered this connection.

        Its address or the network is then more likely wrong than in trouble for a moment."""
        problem = unreachable(error, self.target)
        return Lost(problem) if self._answered else problem

    @asynccontextmanager
    async def _response(
        self,
        method: str,
        path: str,
        query: Query | None,
        headers: dict[str, str],
        body: Any,
        timeout: aiohttp.ClientTimeout,
    ) -> AsyncGenerator[aiohttp.ClientResponse, None]:
        """The answer to one request, released at the end; expired credentials are renewed once."""

        async def send() -> aiohttp.ClientResponse:
            url, sent = await self._address(path, query, headers)
            answer = await self._api.rest_client.request(
                method, url, headers=sent, body=body, _request_timeout=timeout
            )
            response: aiohttp.ClientResponse = answer.response
            return response

        response = await self._renewed(send)
        try:
            yield response
        finally:
            response.release()

    async def _renewed(
        self, send: Callable[[], Awaitable[aiohttp.ClientResponse]]
    ) -> aiohttp.ClientResponse:
        """Return what `send` is answered, once more with renewed credentials after a 401."""
        try:
            response = await send()
            self._answered = True
            if response.status == 401 and self._renew is not None:
                response.release()
                await self._renew()
                response = await send()
            return response
        except _NETWORK as error:
            raise self._lost(error) from error

    async def _address(
        self, path: str, query: Query | None, headers: Mapping[str, str]
    ) -> tuple[str, dict[str, str]]:
        """The URL, and the headers with the credentials."""
        pairs = [
            (key, value)
            for key, values in (query or {}).items()
            for value in ([values] if isinstance(values, str) else values)
        ]
        _, url, sent, _, _ = await self._api.param_serialize(
            "GET",
            path,
            query_params=pairs,
            header_params=dict(headers),
            auth_settings=["BearerToken"],
        )
        return url, sent

    async def lines(self, path: str, query: Query) -> AsyncGenerator[bytes, None]:
        """The lines of an answer that goes on; it ends when the server or the connection does.

        A watch is told apart from an error by the status; errors as with `text`, without retries.
        """
        # Bookmarks come about once a minute, so silence of two is a connection that died.
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS, sock_read=150.0)
        headers = {"Accept": "application/json"}
        try:
            async with self._response("GET", path, query, headers, None, timeout) as response:
                if response.status >= 400:
                    raise api_error(response.status, await response.read(), self.target)
                try:
                    async for line in response.content:
                        if line.strip():
                            yield line
                except _NETWORK:
                    return
                finally:
                    response.close()  # a watch left in the middle cannot be used again
        except Lost as lost:
            raise lost.error from lost.__cause__

    @asynccontextmanager
    async def websocket(
        self, path: str, query: Query, protocols: Sequence[str]
    ) -> AsyncGenerator[aiohttp.ClientWebSocketResponse, None]:
        """A WebSocket; the errors of its handshake are mapped as those of a request.

        It has a connection of its own, which is gone when this returns. Closing the WebSocket
        would wait for the server's answer, and leave the TLS connection to close some time later.
        """
        session = self._api.rest_client._create_pool_manager()
        try:
            yield await self._dial(session, path, query, protocols)
        except aiohttp.WSServerHandshakeError as error:
            raise await self._refusal(path, query, error.status) from error
        finally:
            if session.connector is not None:
                await session.connector.close(abort_ssl=True)
            await session.close()

    async def _dial(
        self, session: aiohttp.ClientSession, path: str, query: Query, protocols: Sequence[str]
    ) -> aiohttp.ClientWebSocketResponse:
        url, headers = await self._address(path, query, {})
        proxy = self._api.rest_client.proxy
        extra = {"proxy": proxy} if proxy else {}
        try:
            socket: aiohttp.ClientWebSocketResponse = await session.ws_connect(
                "ws" + url.removeprefix("http"),
                headers=headers,
                protocols=tuple(protocols),
                max_msg_size=0,
                **extra,
            )
            return socket
        except aiohttp.WSServerHandshakeError:
            raise
        except _NETWORK as error:
            raise unreachable(error, self.target) from error

    async def _refusal(self, path: str, query: Query, status: int) -> SkillError:
        """Find out why a handshake failed: aiohttp drops the answer's body, a plain GET has it."""
        try:
            await self._once("GET", path, query, {"Accept": "*/*"}, None)
        except (Transient, Lost) as error:
            return error.error
        except SkillError as error:
            if "pgrade request required" not in error.message:
                return error
        return api_error(status, "", self.target)

    async def close(self) -> None:
        await self._api.close()


async def open_transport(target: Target, sleep: Sleep = asyncio.sleep) -> Transport:
    """A Transport with the credentials of the target's context; nothing is asked yet.

    UsageError when the kubeconfig lacks a file or an entry, Forbidden when its credential plugin
    gives nothing, ClusterUnreachable when its certificates cannot be used.
    """
    configuration = client.Configuration()
    try:
        loader = await config.load_kube_config(
            config_file=target.kubeconfig,
            context=target.context,
            client_configuration=configuration,
            persist_config=False,
        )
    except (config.ConfigException, ValueError, KeyError, OSError) as error:
        raise UsageError(
            f"context {target.context} of {target.kubeconfig} cannot be used: {error}"
        ) from error
    _check_plugin(loader, configuration, target)
    # Python 3.13 asks more of a certificate authority than Go does; clusters are made for Go.
    configuration.disable_strict_ssl_verification = True
    configuration.proxy = configuration.proxy or _proxy_for(target.server)
    configuration.client_session_kwargs = {"trust_env": False}
    configuration.connection_pool_maxsize = 0  # no limit for watches; Transport limits requests

    async def renew() -> None:
        await loader.load_and_set(configuration)

    try:
        return Transport(target, configuration, renew=renew, sleep=sleep)
    except (ssl.SSLError, OSError) as error:
        raise ClusterUnreachable(
            f"the certificates of context {target.context} in {target.kubeconfig} cannot be used: "
            f"{error}",
            hint="Fetch the kubeconfig anew.",
        ) from error


def _check_plugin(loader: Any, configuration: client.Configuration, target: Target) -> None:
    user = getattr(loader, "_user", None)
    plugin = user.safe_get("exec") if user is not None and "exec" in user else None
    if plugin and not configuration.api_key and not configuration.cert_file:
        raise Forbidden(
            f"the credential plugin of context {target.context} gave no credentials",
            hint=f"Run it by hand to see why: {plugin.get('command')} "
            + " ".join(plugin.get("args") or ()),
        )


def _proxy_for(server: str) -> str | None:
    """The proxy that the environment asks for, by Go's rules: none for loopback, CIDRs count."""
    url = urlsplit(server)
    proxies, host = getproxies(), url.hostname or ""
    if url.scheme not in proxies or host == "localhost" or proxy_bypass(host):
        return None
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return proxies[url.scheme]
    if address.is_loopback or _in_ranges(address, proxies.get("no", "")):
        return None
    return proxies[url.scheme]


def _in_ranges(address: ipaddress.IPv4Address | ipaddress.IPv6Address, listed: str) -> bool:
    for entry in listed.split(","):
        try:
            if address in ipaddress.ip_network(entry.strip(), strict=False):
                return True
        except ValueError:
            continue
    return False


__all__ = ["APPLY", "ApiError", "Query", "Sleep", "Transport", "open_transport"]
