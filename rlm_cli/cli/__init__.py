"""The command line: Typer only. What is typed becomes `Settings`; what happens then is the session's."""
