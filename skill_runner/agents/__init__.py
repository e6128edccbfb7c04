"""What coding agents see of a skill: its SKILL.md, exports into repositories, the MCP server."""
