"""`python -m skill_runner` is the `skill` command; a detached worker's, too."""

import os

from skill_runner.cli import main

if __name__ == "__main__":
    if "SKILL_DETACHED_RUN" in os.environ:
        from skill_runner.detached import handed_arguments  # help answers sooner without it

        main(handed_arguments())
    main()
