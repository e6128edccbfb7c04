"""The one import of a skill: everything that its hooks.py may use.

A hook is a function of `hooks.py` that takes a `Context` and reaches the cluster only through it.
Names that stand here stay for as long as `schema: 1` of skill.yaml does; every other module of
`skill_runner` may change with any release.
"""

from skill_runner.binaries.gomodule import module_files
from skill_runner.errors import ApiError, Conflict, Forbidden, HookFailed, NotFound
from skill_runner.hooks.admission import await_webhook
from skill_runner.hooks.applications import await_application
from skill_runner.hooks.cnpg import check_cluster_version, copy_cluster_secret
from skill_runner.hooks.context import Context, GiveUp, PodResult, RetryLater, script_command
from skill_runner.hooks.credentials import (
    check_fresh_pods,
    check_secret,
    ensure_token,
    replace_stale_pods,
    stale_pods,
)
from skill_runner.hooks.dapr import (
    MARK,
    PROBING,
    WITHOUT_SECRET_STORE,
    check_literal_secrets,
    check_sidecars,
    component_failure,
    missing_sidecars,
    not_loaded,
    run_with_sidecar,
)
from skill_runner.hooks.drills import (
    has_said,
    is_back,
    kill_pod_during,
    lose_pod,
    lose_pod_during,
    until,
)
from skill_runner.hooks.events import (
    check_event_schemas,
    read_event_schemas,
    register_from_pod,
)
from skill_runner.hooks.images import check_not_older, major_version, version_of
from skill_runner.hooks.kafka import (
    check_broker_names,
    check_partitions,
    check_topic_names,
    topic_objects,
    wanted_partitions,
    without_advice,
)
from skill_runner.hooks.kong import check_config_accepted
from skill_runner.hooks.managed import given_connection
from skill_runner.hooks.operators import Operator, check_one_operator, variable_of
from skill_runner.hooks.platform import PlatformContext
from skill_runner.hooks.postgres import connection_values, psql_answer, psql_env, role_values
from skill_runner.hooks.probes import ask_beside_sidecar
from skill_runner.hooks.proofs import cleaned_up, objects_for_proof
from skill_runner.hooks.roles import ensure_roles, run_sql
from skill_runner.hooks.schemas import (
    Schema,
    get_compatibility,
    is_registry_ready,
    make_schema,
    open_registry,
    read_schema,
    read_schemas,
    register_schemas,
    try_schemas,
)
from skill_runner.hooks.scram import fits, make_verifier
from skill_runner.hooks.secrets import (
    by_reference,
    copy_secret,
    ensure_password,
    find_secret,
    generate_password,
    read_secret,
    write_secret,
)
from skill_runner.hooks.selection import app_labels, ready_pods
from skill_runner.hooks.sidecars import check_all_sidecars, remake_without_sidecar
from skill_runner.hooks.subscriptions import check_routes
from skill_runner.hooks.volumes import check_claims, check_kept, data_versions
from skill_runner.hooks.web.door import fill_credential, prove_door
from skill_runner.hooks.web.page import Page, open_page
from skill_runner.objects import Object, Ref
from skill_runner.outcome.fix import fix_of
from skill_runner.readiness.status import compute
from skill_runner.readiness.status.dapr import has_ended, lacks_sidecar, wants_sidecar
from skill_runner.tasks import uncancelled
from skill_runner.text.patterns import PatternError, compile_pattern
from skill_runner.text.quoting import excerpt

__all__ = [
    "MARK",
    "PROBING",
    "WITHOUT_SECRET_STORE",
    "ApiError",
    "Conflict",
    "Context",
    "Forbidden",
    "GiveUp",
    "HookFailed",
    "NotFound",
    "Object",
    "Operator",
    "Page",
    "PatternError",
    "PlatformContext",
    "PodResult",
    "Ref",
    "RetryLater",
    "Schema",
    "app_labels",
    "ask_beside_sidecar",
    "await_application",
    "await_webhook",
    "by_reference",
    "check_all_sidecars",
    "check_broker_names",
    "check_claims",
    "check_cluster_version",
    "check_config_accepted",
    "check_event_schemas",
    "check_fresh_pods",
    "check_kept",
    "check_literal_secrets",
    "check_not_older",
    "check_one_operator",
    "check_partitions",
    "check_routes",
    "check_secret",
    "check_sidecars",
    "check_topic_names",
    "cleaned_up",
    "compile_pattern",
    "component_failure",
    "compute",
    "connection_values",
    "copy_cluster_secret",
    "copy_secret",
    "data_versions",
    "ensure_password",
    "ensure_roles",
    "ensure_token",
    "excerpt",
    "fill_credential",
    "find_secret",
    "fits",
    "fix_of",
    "generate_password",
    "get_compatibility",
    "given_connection",
    "has_ended",
    "has_said",
    "is_back",
    "is_registry_ready",
    "kill_pod_during",
    "lacks_sidecar",
    "lose_pod",
    "lose_pod_during",
    "major_version",
    "make_schema",
    "make_verifier",
    "missing_sidecars",
    "module_files",
    "not_loaded",
    "objects_for_proof",
    "open_page",
    "open_registry",
    "prove_door",
    "psql_answer",
    "psql_env",
    "read_event_schemas",
    "read_schema",
    "read_schemas",
    "read_secret",
    "ready_pods",
    "register_from_pod",
    "register_schemas",
    "remake_without_sidecar",
    "replace_stale_pods",
    "role_values",
    "run_sql",
    "run_with_sidecar",
    "script_command",
    "stale_pods",
    "topic_objects",
    "try_schemas",
    "uncancelled",
    "until",
    "variable_of",
    "version_of",
    "wanted_partitions",
    "wants_sidecar",
    "without_advice",
    "write_secret",
]
