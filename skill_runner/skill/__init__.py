"""A skill as data: found in a library, read from its folder, checked, its templates rendered."""
