"""The `skill` command, also as `python -m skill_runner`; a detached worker's, too."""

import os

from skill_runner.processes.isolation import leave_current_folder


def main() -> None:
    """Run the command line and exit with its code; nothing of the current folder is imported."""
    leave_current_folder(as_module=__name__ == "__main__")
    from skill_runner.cli import (
        main as cli,  # only now: it imports from outside the standard library
    )

    if "SKILL_DETACHED_RUN" in os.environ:
        from skill_runner.runs.detached import handed_arguments  # help answers sooner without it

        cli.main(handed_arguments())
    cli.main()


if __name__ == "__main__":
    main()
