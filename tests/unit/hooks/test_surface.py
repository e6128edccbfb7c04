"""`skill_runner.hooks`: its names, and that skills import nothing else of ours."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path

import pytest

from skill_runner import hooks
from skill_runner.agents.hooks_md import example_of
from skill_runner.skill.loader.imports import public_names
from tests.support.paths import ROOT

FOLDERS = ("skills/*", "templates/*", "tests/**")
HOOKS = sorted(path for folder in FOLDERS for path in ROOT.glob(f"{folder}/hooks.py"))
# A name that leaves breaks a stranger's skill: that needs a new `schema:` of skill.yaml.
NAMES = [
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


def test_the_surface_has_these_names() -> None:
    assert sorted(hooks.__all__) == sorted(NAMES)
    assert all(hasattr(hooks, name) for name in NAMES)


FUNCTIONS = [name for name in NAMES if inspect.isroutine(inspect.unwrap(getattr(hooks, name)))]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_says_what_it_returns_and_shows_its_use(name: str) -> None:
    function = inspect.unwrap(getattr(hooks, name))
    example = example_of(function)
    assert name in example
    ast.parse(example.replace("…", "x"))


def test_the_loader_reads_the_same_names() -> None:
    assert sorted(public_names()) == sorted(hooks.__all__)


@pytest.mark.parametrize("path", HOOKS, ids=[str(path.relative_to(ROOT)) for path in HOOKS])
def test_a_skill_imports_nothing_else_of_ours(path: Path) -> None:
    ours = {name for name in _imported(path) if name.partition(".")[0] == "skill_runner"}
    assert ours <= {"skill_runner.hooks"}


def test_there_are_skills_to_look_at() -> None:
    assert len([path for path in HOOKS if path.is_relative_to(ROOT / "skills")]) >= 7


def _imported(path: Path) -> Iterator[str]:
    """Every module that a file names, at its top and in its functions."""
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            yield str(node.module)
