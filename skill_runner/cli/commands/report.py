"""`skill report`: the report of a run that has ended, or is at work."""

from __future__ import annotations

from pathlib import Path

import click

from skill_runner.cli.options import report_option
from skill_runner.cli.reporting import REPORTS, Wanted, write_report
from skill_runner.reports import Finished, render
from skill_runner.runs import detached


@click.command(
    epilog="""\b
Examples:
  skill report kafka-7f3a                             Markdown, on stdout
  skill report kafka-7f3a --html                      a page, in kafka-7f3a.html
  skill report kafka-7f3a --report junit=report.xml
"""
)
@click.argument("run")
@click.option("--html", "page", is_flag=True, help="Write the page RUN.html here.")
@report_option
@click.pass_context
def command(context: click.Context, run: str, page: bool) -> int:
    """Write what RUN did as a report: its cause if it failed, timeline, steps, objects, proofs.

    Nothing but the run's folder is read. A run that is still at work is told as far as it came.
    """
    document = detached.look(run)
    finished = Finished(
        command=detached.about(run).command or "run", document=document, events=detached.told(run)
    )
    wanted = [*context.meta.get(REPORTS, ())]
    if page:
        wanted.append(Wanted("html", Path(f"{run}.html").absolute()))
    if not wanted:
        click.echo(render("markdown", finished), nl=False)
        return 0
    written = [write_report(each, finished) for each in wanted]
    for each in wanted:
        click.echo(f"{each.kind}: {each.file}")
    return 0 if all(written) else 1
