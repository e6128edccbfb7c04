"""Options that several commands share, spelled once, and handed over as one value."""

from __future__ import annotations

import functools
import json
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import click

from skill_runner.actions.request import ImageMode, Request
from skill_runner.cli.reporting import keep_no_ci, keep_reports
from skill_runner.cli.target import Asked
from skill_runner.errors import UsageError
from skill_runner.execution.state import Options
from skill_runner.plan.inputs import check_given, read_sets, read_values, refuse_open_secrets
from skill_runner.skill.library import default_library
from skill_runner.skill.model import Skill

_KIND: Final = re.compile(r"[A-Z][A-Za-z0-9]{0,62}(\.[a-z0-9.-]{1,253})?")
Command = Callable[..., Any]
STDIN = "-"
DEADLINE: Final = "skill_runner.deadline"  # key of click's context, which nested commands share
LOOKING: Final = 300.0  # seconds that a command which only looks may take


@dataclass(frozen=True, slots=True)
class Wanted:
    """The values of --name, -n, --set, --inputs, --values, --use, --with, --images, --registry."""

    name: str | None = None
    namespace: str | None = None
    sets: tuple[str, ...] = ()
    given: Mapping[str, Any] = field(default_factory=dict)
    values_files: tuple[str, ...] = ()
    uses: Mapping[str, str] = field(default_factory=dict)
    passed: tuple[str, ...] = ()
    images: ImageMode = "auto"
    registry: str = ""

    def request(self, skill: Skill) -> Request:
        """The request for this skill; the installation's name is the skill's by default.

        InputError for inputs that are wrong whatever stands in the cluster: before it is asked.
        """
        refuse_open_secrets(skill, self.given)
        files = tuple(file for file in self.values_files if file != STDIN)
        piped = read_values(sys.stdin, "--values -") if self.piped else {}
        given = {**self.given, **piped}
        check_given(skill, files, self.sets, given)
        return Request(
            skill=skill,
            name=self.name or skill.name,
            namespace=self.namespace,
            values_files=files,
            sets=self.sets,
            given=given,
            use=self.uses,
            passed=_passed(skill, self.passed),
            images=self.images,
        )

    @property
    def piped(self) -> bool:
        """Tell whether inputs come on standard input, which can be read only once."""
        return STDIN in self.values_files


def cluster_options(function: Command) -> Command:
    """--context, --kubeconfig, --cluster: which cluster, as `asked`."""

    @functools.wraps(function)
    def call(
        *, context: str | None, kubeconfig: str | None, cluster_name: str | None, **rest: Any
    ) -> Any:
        return function(asked=Asked(kubeconfig, context, cluster_name), **rest)

    return _with(
        call,
        click.option("--context", help="Context of the kubeconfig to use."),
        click.option("--kubeconfig", type=click.Path(), help="Kubeconfig file to use."),
        click.option(
            "--cluster",
            "cluster_name",
            help="One of the clusters of `skill cluster`; `embedded` is started if need be.",
        ),
    )


def library_option(function: Command) -> Command:
    """--skills: folders of skills beside the installed ones, as `library`."""

    @functools.wraps(function)
    def call(*, folders: tuple[str, ...], **rest: Any) -> Any:
        return function(library=default_library(named=folders), **rest)

    return click.option(
        "--skills",
        "folders",
        multiple=True,
        metavar="FOLDER",
        type=click.Path(exists=True, file_okay=False),
        help="Folder of skills of your own, whose hooks may run; as in SKILL_PATH.",
    )(call)


def kinds_option(function: Command) -> Command:
    """--allow-kinds: kinds that a skill may make without declaring them, as `allow_kinds`."""

    @functools.wraps(function)
    def call(*, allow_kinds: tuple[str, ...], **rest: Any) -> Any:
        return function(allow_kinds=allow_kinds, **rest)

    return click.option(
        "--allow-kinds",
        default="",
        metavar="KIND[,KIND…]",
        callback=_kinds,
        help="Kinds that may be created although the skill does not declare them: Secret, "
        "Deployment.apps.",
    )(call)


def _kinds(context: click.Context, option: click.Parameter, value: str) -> tuple[str, ...]:
    kinds = tuple(part.strip() for part in value.split(",")) if value else ()
    for kind in kinds:
        if not _KIND.fullmatch(kind):
            raise click.BadParameter(f"{kind!r} is no kind; expected Secret or Deployment.apps")
    return kinds


def output_option(function: Command) -> Command:
    """-o text|json."""
    return click.option(
        "-o",
        "--output",
        type=click.Choice(["text", "json"]),
        default="text",
        help="text for people, json for programs: one document on stdout.",
    )(function)


def outcome_option(function: Command) -> Command:
    """-o text|json|jsonl, --deadline, --report and --no-ci, of commands that have an outcome."""
    return _with(
        function,
        click.option(
            "-o",
            "--output",
            type=click.Choice(["text", "json", "jsonl"]),
            default="text",
            help="text for people; json: one outcome on stdout; jsonl: a line for each event, then "
            "the outcome.",
        ),
        click.option(
            "--deadline",
            metavar="SECONDS",
            type=click.FloatRange(0, min_open=True),
            expose_value=False,
            callback=_keep_deadline,
            help=f"Stop the whole command after this time, as Ctrl-C would (exit 5); plan and why "
            f"have {LOOKING:.0f}.",
        ),
        report_option,
        click.option(
            "--no-ci",
            is_flag=True,
            expose_value=False,
            is_eager=True,
            callback=keep_no_ci,
            help="In GitHub Actions: no job summary, and no annotation.",
        ),
    )


report_option: Final = click.option(
    "--report",
    multiple=True,
    metavar="KIND=FILE",
    expose_value=False,
    callback=keep_reports,
    help="Also write the result there: junit, markdown, html, sarif, codequality (GitLab). "
    "Repeatable.",
)


def _keep_deadline(context: click.Context, _: click.Parameter, seconds: float | None) -> None:
    """For `execute`: seconds, or None where the command's steps have their own."""
    looks = context.info_name in ("plan", "why")
    context.meta[DEADLINE] = LOOKING if seconds is None and looks else seconds


def _json_object(context: click.Context, option: click.Parameter, value: str) -> dict[str, Any]:
    """A JSON object as a mapping; what it holds is checked as every input is."""
    try:
        found = json.loads(value)
    except ValueError as error:
        raise click.BadParameter(f"no JSON: {error}") from None
    if not isinstance(found, dict):
        raise click.BadParameter('expected one JSON object, such as {"replicas": 2}')
    return found


def _uses(
    context: click.Context, option: click.Parameter, values: tuple[str, ...]
) -> dict[str, str]:
    """ALIAS=NAMESPACE/NAME as a mapping."""
    pairs = [value.partition("=") for value in values]
    for alias, _, named in pairs:
        if not alias or not named:
            raise click.BadParameter("expected ALIAS=NAMESPACE/NAME, such as kafka=events/kafka")
    return {alias: named for alias, _, named in pairs}


def change_options(function: Command) -> Command:
    """--prove, --adopt, --create-namespaces and --stability: as `options`."""

    @functools.wraps(function)
    def call(
        *, prove: bool, adopt: bool, create_namespaces: bool, stability: float | None, **rest: Any
    ) -> Any:
        options = Options(
            prove=prove, adopt=adopt, create_namespaces=create_namespaces, stability=stability
        )
        return function(options=options, **rest)

    return _with(
        call,
        click.option("--prove", is_flag=True, help="Prove again, also where nothing changed."),
        click.option("--adopt", is_flag=True, help="Take over what others own under its names."),
        click.option(
            "--create-namespaces", is_flag=True, help="Create missing namespaces of clients."
        ),
        click.option(
            "--stability", type=float, help="Seconds without a restart before it is ready."
        ),
    )


_INPUT_OPTIONS: Final = (
    click.option("--name", help="Name of the installation; the skill's by default."),
    click.option("-n", "--namespace", help="Namespace of the installation."),
    click.option(
        "--set", "sets", multiple=True, metavar="INPUT=VALUE", help="Set one input (YAML)."
    ),
    click.option(
        "--inputs",
        "given",
        metavar="JSON",
        callback=_json_object,
        default="{}",
        show_default=False,
        help="Inputs as one JSON object, for programs.",
    ),
    click.option(
        "--values",
        "values_files",
        multiple=True,
        type=click.Path(),
        help="YAML file of inputs; - reads standard input.",
    ),
    click.option(
        "--use",
        "uses",
        multiple=True,
        metavar="ALIAS=NAMESPACE/NAME",
        callback=_uses,
        help="Installation to use for what the skill requires, by its alias or skill.",
    ),
    click.option(
        "--with",
        "passed",
        multiple=True,
        metavar="ALIAS.INPUT=VALUE",
        help="Set one input of what the skill requires, by its alias.",
    ),
    click.option(
        "--images",
        type=click.Choice(["auto", "pull", "build"]),
        default="auto",
        help="Pull official images, build them from recipes, or whichever works.",
    ),
    click.option(
        "--registry",
        default="",
        metavar="HOST/PATH",
        help="Push what is built there, for a cluster that takes no images from here.",
    ),
)


def input_options(function: Command) -> Command:
    """--name, -n, --set, --inputs, --values, --use, --with, --images, --registry: as `wanted`."""

    @functools.wraps(function)
    def call(
        *,
        name: str | None,
        namespace: str | None,
        sets: tuple[str, ...],
        given: dict[str, Any],
        values_files: tuple[str, ...],
        uses: dict[str, str],
        passed: tuple[str, ...],
        images: ImageMode,
        registry: str,
        **rest: Any,
    ) -> Any:
        wanted = Wanted(name, namespace, sets, given, values_files, uses, passed, images, registry)
        return function(wanted=wanted, **rest)

    return _with(call, *_INPUT_OPTIONS)


def _with(function: Command, *options: Callable[[Command], Command]) -> Command:
    """The function with options, in the order in which help shows them."""
    for option in reversed(options):
        function = option(function)
    return function


def _passed(skill: Skill, assignments: Sequence[str]) -> dict[str, Mapping[str, Any]]:
    """ALIAS.INPUT=VALUE as the inputs for each alias; UsageError for one that is not required."""
    aliases = {each.alias: each.skill for each in skill.requires}
    sets: dict[str, list[str]] = {}
    for assignment in assignments:
        alias, _, rest = assignment.partition(".")
        if alias not in aliases:
            named = "" if "=" in alias or not rest else f" {alias}:"  # a value may be a secret
            raise UsageError(
                f"--with{named} {skill.name} has no requirement of that name",
                hint=f"Write ALIAS.INPUT=VALUE; it requires: {', '.join(aliases) or 'nothing'}",
            )
        sets.setdefault(alias, []).append(rest)
    library = default_library()
    return {
        alias: read_sets(library.find(aliases[alias]), given, f"--with {alias}")
        for alias, given in sets.items()
    }
