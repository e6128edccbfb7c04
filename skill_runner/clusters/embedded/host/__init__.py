"""The embedded cluster as its command sees it: start, find, report, take down."""
