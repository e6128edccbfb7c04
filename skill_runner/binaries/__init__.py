"""Pinned external binaries on demand: from PATH, the cache, a download, or a build from Go modules.

`await ensure("helm")` gives the path of a working binary. A part that is missing is fetched once,
under a file lock, and moved into the cache in one step, so that two processes never see half of it.

SKILL_ASSETS            auto (default) | path | download | build: the only source to use
SKILL_DOWNLOAD_MIRROR   a base address that stands for the publishers' hosts: the file
                        https://HOST/PATH is asked for at MIRROR/HOST/PATH
"""

from skill_runner.binaries.catalogue import BY_TOOL, PARTS, Part
from skill_runner.binaries.ensure import cache_folder, ensure, ensure_all, find

__all__ = ["BY_TOOL", "PARTS", "Part", "cache_folder", "ensure", "ensure_all", "find"]
