"""Every text that a caller may give to a skill, one after the other replaced by a hostile one."""
