"""The option by which a command takes installations of a platform's profiles, too."""

from __future__ import annotations

from typing import Final

import click

profile_option: Final = click.option(
    "--profile",
    "profiles",
    multiple=True,
    metavar="PROFILE",
    help="With the platform's installations of this profile, too.",
)
