"""The `rollcall` command, one file per command group: words into calls, values into tables, errors into exit codes."""
