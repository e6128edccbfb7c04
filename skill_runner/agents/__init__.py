"""The side that coding agents see: SKILL.md, exports into repositories, the MCP server."""
