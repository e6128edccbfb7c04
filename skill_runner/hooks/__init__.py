"""The one import of a skill: everything that its hooks.py may use.

A hook is a function of `hooks.py` that takes a `Context` and reaches the cluster only through it.
Names that stand here stay for as long as `schema: 1` of skill.yaml does; every other module of
`skill_runner` may change with any release.
"""

from skill_runner.errors import ApiError, Conflict, HookFailed, NotFound
from skill_runner.hooks.context import Context, GiveUp, PodResult, RetryLater
from skill_runner.hooks.dapr import (
    PROBING,
    WITHOUT_SECRET_STORE,
    check_sidecars,
    component_failure,
    missing_sidecars,
    not_loaded,
)
from skill_runner.hooks.drills import is_back, lose_pod
from skill_runner.hooks.postgres import connection_values
from skill_runner.hooks.scram import fits, make_verifier
from skill_runner.hooks.secrets import (
    copy_secret,
    ensure_password,
    generate_password,
    read_secret,
    write_secret,
)
from skill_runner.hooks.volumes import check_claims
from skill_runner.hooks.web import Pages, prove_pages
from skill_runner.objects import Object, Ref
from skill_runner.outcome.fix import fix_of
from skill_runner.readiness.status import compute
from skill_runner.readiness.status.dapr import has_ended, lacks_sidecar, wants_sidecar
from skill_runner.tasks import uncancelled
from skill_runner.text.patterns import PatternError, compile_pattern
from skill_runner.text.quoting import excerpt

__all__ = [
    "PROBING",
    "WITHOUT_SECRET_STORE",
    "ApiError",
    "Conflict",
    "Context",
    "GiveUp",
    "HookFailed",
    "NotFound",
    "Object",
    "Pages",
    "PatternError",
    "PodResult",
    "Ref",
    "RetryLater",
    "check_claims",
    "check_sidecars",
    "compile_pattern",
    "component_failure",
    "compute",
    "connection_values",
    "copy_secret",
    "ensure_password",
    "excerpt",
    "fits",
    "fix_of",
    "generate_password",
    "has_ended",
    "is_back",
    "lacks_sidecar",
    "lose_pod",
    "make_verifier",
    "missing_sidecars",
    "not_loaded",
    "prove_pages",
    "read_secret",
    "uncancelled",
    "wants_sidecar",
    "write_secret",
]
