"""Pages from inside the cluster, through the Service, by a pod of the application's own image."""

from __future__ import annotations

from typing import Final

from skill_runner.hooks.context import Context, GiveUp, RetryLater
from skill_runner.hooks.web.outside import MISSING
from skill_runner.skill.model import WebPages

# One request, with whatever the image has: Node, Python, or bash's own TCP. Prints the answers.
# A node's kube-proxy follows the endpoints when it gets to it, and says nowhere that it has: until
# then a pod of the version before may answer. So wrong answers are asked for again.
SCRIPT: Final = r"""
get() {
  echo "== $1"
  if command -v node >/dev/null 2>&1; then
    node -e 'fetch(process.argv[1]).then(async r=>{console.log("STATUS "+r.status);
      console.log((await r.text()).slice(0,200000))},e=>{console.log("FAILED "+(e.cause||e))})' "$1"
  elif command -v python3 >/dev/null 2>&1; then
    python3 -c 'import sys,urllib.request,urllib.error
try: r=urllib.request.urlopen(sys.argv[1],timeout=10)
except urllib.error.HTTPError as e: r=e
except OSError as e: print("FAILED",e); sys.exit()
print("STATUS",r.status); print(r.read(200000).decode(errors="replace"))' "$1"
  elif command -v bash >/dev/null 2>&1; then
    bash -c 'exec 3<>/dev/tcp/$HOST/80 || { echo FAILED no connection; exit; }
      printf "GET %s HTTP/1.0\r\nHost: %s\r\n\r\n" "$1" "$HOST" >&3
      read -r _ status _ <&3; echo "STATUS $status"; head -c 200000 <&3 | tr -d "\000"' - "$2"
  else
    echo SKIPPED
  fi
  echo
}
ask() {
  for path in $PATHS; do
    get "http://$HOST$path" "$path" |
      grep -a -e "^==" -e "^STATUS" -e "^FAILED" -e "^SKIPPED" | cut -c1-300
  done
}
end=$(($(date +%s) + PATIENCE))
while :; do
  said=$(ask)
  case $(echo "$said" | grep -v ^== | tr '\n' ' ') in
    "STATUS 200 STATUS 404 " | SKIPPED*) break ;;
  esac
  [ "$(date +%s)" -lt "$end" ] || break
  sleep 1
done
echo "$said"
"""

PATIENCE: Final = 15  # seconds in which a wrong answer may turn right


async def check_service(ctx: Context, pages: WebPages) -> str:
    """200 at the first page, 404 at one that is not there; what was seen, as words."""
    service, path, root = pages.service, pages.paths[0], pages.root
    result = await ctx.run_pod(
        name=f"{ctx.installation.name}-proof"[:50],
        image=ctx.images[pages.image].ref,
        command=["sh", "-c", SCRIPT],
        env={
            "HOST": f"{service}.{ctx.namespace}.svc",
            "PATHS": f"{path} {root}{MISSING}",
            "PATIENCE": str(PATIENCE),
        },
        timeout=60,
    )
    lines = result.logs.splitlines()
    if "SKIPPED" in lines:
        return "skipped from inside: the image has neither Node, Python nor bash"
    failed = [line for line in lines if line.startswith("FAILED")]
    if failed:
        raise RetryLater(f"the Service {service} does not answer inside the cluster: {failed[0]}")
    found = [line.split()[1] for line in lines if line.startswith("STATUS ")]
    if found != ["200", "404"]:
        raise GiveUp(
            f"inside the cluster the Service {service} answers {', '.join(found) or 'nothing'};"
            f" 200 for {path} and 404 for a missing page were expected"
        )
    return "200 and 404 through the Service from inside"
