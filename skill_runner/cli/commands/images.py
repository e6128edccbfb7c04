"""`skill images`: list, build, load and push the images of skills."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from skill_runner import binaries
from skill_runner.cli.connect import image_store
from skill_runner.cli.display import View
from skill_runner.cli.options import cluster_options, output_option
from skill_runner.cli.target import Asked, choose_target
from skill_runner.errors import UsageError
from skill_runner.images.build import build_recipe
from skill_runner.images.push import push_archive
from skill_runner.images.recipe import Recipe, load_recipe, local_ref
from skill_runner.skill.library import default_library


@click.group(
    epilog="""\b
Examples:
  skill images list
  skill images build kafka-k8s-setup
  skill images load kafka-k8s-setup --cluster embedded
  skill images push kafka-k8s-setup --registry registry.example.org/platform
"""
)
def command() -> None:
    """Build, load and push the images of skills."""


@command.command("list")
@output_option
def list_images(output: str) -> int:
    """List the official image of every skill, and what its recipe would make."""
    rows = []
    library = default_library()
    for name in library.names():
        skill = library.find(name)
        for image in skill.images.values():
            made = ""
            built = image.application.framework if image.application else ""
            official = image.ref or f"built from its source ({built})"
            if image.recipe:
                made = local_ref(image.ref, load_recipe(skill.folder / image.recipe).digest)
            rows.append({"skill": name, "image": image.name, "official": official, "recipe": made})
    if output == "json":
        click.echo(json.dumps({"images": rows}))
        return 0
    table = Table("skill", "image", "official", "from its recipe", box=None)
    for row in rows:
        table.add_row(row["skill"], row["image"], row["official"], row["recipe"] or "-")
    Console().print(table)
    return 0


@command.command()
@click.argument("skill")
@click.option("-v", "--verbose", is_flag=True, help="Show the output of the build.")
def build(skill: str, verbose: bool) -> int:
    """Build the images of SKILL from their recipes; prints the archives' paths."""
    with View(verbose=verbose) as view:
        for recipe, ref in _recipes(skill):
            archive = asyncio.run(build_recipe(recipe, ref, binaries.cache_folder(), view))
            click.echo(f"{ref}  {archive}")
    return 0


@command.command()
@click.argument("skill")
@cluster_options
@click.option("-v", "--verbose", is_flag=True, help="Show the output of the build.")
def load(skill: str, asked: Asked, verbose: bool) -> int:
    """Build the images of SKILL and load them into a local cluster."""
    with View(verbose=verbose) as view:
        asyncio.run(_load(skill, asked, view))
    return 0


async def _load(skill: str, asked: Asked, view: View) -> None:
    target = await choose_target(asked)
    store = image_store(target)
    if store is None:
        raise UsageError(
            f"images cannot be loaded into {target.context}",
            hint="Push them to a registry that it reaches: skill images push … --registry HOST",
        )
    for recipe, ref in _recipes(skill):
        archive = await build_recipe(recipe, ref, binaries.cache_folder(), view)
        await store.load_archive(archive)
        click.echo(f"loaded {ref} into {target.context}")


@command.command()
@click.argument("skill")
@click.option("--registry", required=True, help="Registry, with a path if it needs one.")
@click.option("-v", "--verbose", is_flag=True, help="Show the output of the build.")
def push(skill: str, registry: str, verbose: bool) -> int:
    """Build the images of SKILL and push them to a registry; prints what to set as `image`."""
    with View(verbose=verbose) as view:
        for recipe, ref in _recipes(skill):
            archive = asyncio.run(build_recipe(recipe, ref, binaries.cache_folder(), view))
            pushed = asyncio.run(push_archive(Path(archive), ref, registry, view))
            click.echo(f"pushed {pushed}")
            click.echo(f"use it: skill run {skill} --set image={pushed}")
    return 0


def _recipes(name: str) -> list[tuple[Recipe, str]]:
    skill = default_library().find(name)
    found = []
    for image in skill.images.values():
        if image.recipe:
            recipe = load_recipe(skill.folder / image.recipe)
            found.append((recipe, local_ref(image.ref, recipe.digest)))
    if not found:
        raise UsageError(f"{name} has no image with a recipe", hint="`skill images list` shows all")
    return found
