"""One verb a file: what each command of `skill` does, without its command line."""
