"""The graph of installations that require each other, settled before the first change."""
