"""Who requires whom: a graph of installations, settled before the first change."""
