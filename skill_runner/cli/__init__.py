"""The command line: options, connections, progress on a terminal, exit codes."""
