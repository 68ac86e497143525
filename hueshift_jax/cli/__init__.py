"""The sub-commands of `hueshift`, one per file; `run` turns errors into exit codes."""
