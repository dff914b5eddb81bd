"""The `rollcall` command: one file per command group. Turns words into calls, values into tables, errors into exit codes."""
