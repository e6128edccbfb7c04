"""One file, one function, one subcommand."""
