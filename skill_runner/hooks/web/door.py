"""The way to an application through Kong: its credential, and the proof that it is guarded.

Inputs of such a skill: `gateway` (a mapping with host, path, auth and rate_limit). It requires
kong-k8s-setup as `front`, and makes the Secret NAME-gateway-key by an apply step.
"""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from skill_runner.hooks.context import Context, GiveUp, RetryLater
from skill_runner.hooks.secrets import generate_password, read_secret
from skill_runner.objects import Ref

CREDENTIAL: Final = "konghq.com/credential"
WRONG: Final = "not-a-credential-of-anyone"
PATIENCE: Final = 30  # seconds in which the gateway gets what was made
VALID: Final = 300  # seconds that the proof's own token is good for
# One request, with whatever the image has: Node, Python, or bash's own TCP. Prints the status and
# the limit that the gateway announces.
SCRIPT: Final = r"""
get() {
  if command -v node >/dev/null 2>&1; then
    node -e 'const [h,w,s,p,k,v]=process.argv.slice(1),o={host:h,port:w,path:p,headers:{}};
      if(s)o.headers.Host=s; if(v)o.headers[k]=v;
      require("http").get(o,r=>{console.log(r.statusCode,r.headers["ratelimit-limit"]||"-");
        r.resume()}).on("error",e=>console.log("FAILED",e.code))' \
      "$HOST" "$PORT" "$SITE" "$ASKED" "$1" "$2"
  elif command -v python3 >/dev/null 2>&1; then
    python3 -c 'import sys, http.client as c
h, w, s, p, k, v = sys.argv[1:]
x = c.HTTPConnection(h, int(w), timeout=10)
try:
    x.request("GET", p, headers={**({"Host": s} if s else {}), **({k: v} if v else {})})
    r = x.getresponse(); print(r.status, r.headers.get("RateLimit-Limit", "-"))
except OSError as e: print("FAILED", e)' "$HOST" "$PORT" "$SITE" "$ASKED" "$1" "$2"
  elif command -v bash >/dev/null 2>&1; then
    bash -c 'exec 3<>"/dev/tcp/$HOST/$PORT" || { echo FAILED no connection; exit; }
      printf "GET %s HTTP/1.0\r\nHost: %s\r\n" "$ASKED" "${SITE:-$HOST}" >&3
      [ -z "$2" ] || printf "%s: %s\r\n" "$1" "$2" >&3
      printf "\r\n" >&3
      read -r _ status _ <&3; limit=-
      while IFS=$" :\r" read -r name value _ <&3; [ -n "$name" ]; do
        [ "${name,,}" != ratelimit-limit ] || limit=$value
      done
      echo "$status $limit"' - "$1" "$2"
  else
    echo SKIPPED
  fi
}
ask() {
  [ "$GUARDED" = yes ] && { echo "none $(get)"; echo "wrong $(get "$HEADER" "$WRONG")"; }
  echo "right $(get "$HEADER" "$PREFIX$KEY")"
}
end=$(($(date +%s) + PATIENCE))
while :; do
  said=$(ask)
  case $(echo "$said" | cut -d' ' -f2 | tr '\n' ' ') in
    "$WANTED" | *SKIPPED*) break ;;
  esac
  [ "$(date +%s)" -lt "$end" ] || break
  sleep 1
done
echo "$said"
"""


async def fill_credential(ctx: Context) -> str:
    """Generate the credential that the gateway asks for; one of that kind that is there stays.

    Its label is what makes it one, so it comes with the value: never a credential without.

        said = await fill_credential(ctx)
    """
    found = await ctx.get(_secret(ctx))
    labels, kind = found["metadata"].get("labels") or {}, _auth(ctx)
    label = "jwt" if kind == "jwt" else "key-auth"
    if found.get("data") and labels.get(CREDENTIAL) == label:
        return ""
    password = generate_password()
    values = {"key": password}
    if kind == "jwt":
        who = f"{ctx.namespace}.{ctx.installation.name}"
        values = {"key": who, "secret": password, "algorithm": "HS256"}
    meta = {**found["metadata"], "labels": {**labels, CREDENTIAL: label}}
    data = {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}
    await ctx.cluster.replace({**found, "metadata": meta, "data": data})
    return "generated the credential for the gateway"


async def prove_door(ctx: Context, asked: str) -> str:
    """Ask for the path `asked` through the gateway, with and without the credential.

    From inside, so that a run needs no right in the gateway's namespace.

        said = await prove_door(ctx, "/")
    """
    guarded = _auth(ctx) != "none"
    wanted = ("401 401 " if guarded else "") + "200 "
    result = await ctx.run_pod(
        name=f"{ctx.installation.name}-door"[:50],
        image=ctx.images["app"].ref,
        command=["sh", "-c", SCRIPT],
        env={
            "HOST": str(urlsplit(str(ctx.requires["front"]["url"])).hostname),
            "PORT": "80",
            "SITE": str(_gateway(ctx).get("host", "")),
            "ASKED": asked,
            "WANTED": wanted,
            "GUARDED": "yes" if guarded else "no",
            "WRONG": WRONG,
            "PATIENCE": str(PATIENCE),
            **await _credential(ctx),
        },
        timeout=PATIENCE + 60,
    )
    seen = [line.split() for line in result.logs.splitlines() if line.strip()]
    if any("SKIPPED" in line for line in seen):
        return "skipped: the image has neither Node, Python nor bash"
    found = " ".join(line[1] for line in seen if len(line) > 1) + " "
    if "FAILED" in found:
        raise RetryLater(f"the gateway does not answer: {' '.join(seen[-1])}")
    if found != wanted:
        raise GiveUp(f"through the gateway {asked} answers {found}and not {wanted.strip()}")
    return f"{found}through the gateway{_limit(ctx, seen[-1])}"


def _limit(ctx: Context, right: list[str]) -> str:
    """What the gateway says of the limit, without using it up: others are counted with us."""
    limit = str(_gateway(ctx).get("rate_limit", "")).partition("/")[0]
    if not limit:
        return ""
    if right[-1] != limit:
        raise GiveUp(f"the gateway announces the limit {right[-1]}, and not {limit}")
    return f", {_gateway(ctx)['rate_limit']} allowed"


async def _credential(ctx: Context) -> dict[str, Any]:
    """The variables of the proof's pod: a key by reference, or a token that is soon worth
    nothing."""
    kind = _auth(ctx)
    if kind == "jwt":
        values = await read_secret(ctx, _secret(ctx))
        token = _token(values["key"], values["secret"], int(ctx.clock.now()) + VALID)
        return {"HEADER": "Authorization", "PREFIX": "Bearer ", "KEY": token}
    if kind == "key":
        key = {"secretKeyRef": {"name": _secret(ctx).name, "key": "key"}}
        return {"HEADER": "apikey", "PREFIX": "", "KEY": key}
    return {"HEADER": "", "PREFIX": "", "KEY": ""}


def _token(issuer: str, secret: str, expires: int) -> str:
    """A token (RFC 7519) signed by HS256."""
    parts = [
        _encoded(json.dumps(part).encode())
        for part in ({"alg": "HS256", "typ": "JWT"}, {"iss": issuer, "exp": expires})
    ]
    signed = ".".join(parts)
    return f"{signed}.{_encoded(hmac.digest(secret.encode(), signed.encode(), 'sha256'))}"


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _gateway(ctx: Context) -> Mapping[str, Any]:
    found: Mapping[str, Any] = ctx.inputs["gateway"]
    return found


def _auth(ctx: Context) -> str:
    return str(_gateway(ctx).get("auth", "none"))


def _secret(ctx: Context) -> Ref:
    return Ref("v1", "Secret", f"{ctx.installation.name}-gateway-key", ctx.namespace)
