"""The embedded cluster inside its node: mounts, network, storage, first objects."""
