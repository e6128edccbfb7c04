"""Text of others: hidden where it is secret, quoted where it is foreign, matched in linear time."""
