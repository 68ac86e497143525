"""`hueshift systems`: the systems that come with weights, with size, license and data terms."""

import argparse
import json


def main(argv: list[str]) -> int:
    """Prints a table, or one JSON object per system with `--json`."""
    parser = argparse.ArgumentParser(prog="hueshift systems", description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object per line")
    options = parser.parse_args(argv)
    rows = _rows()
    if options.json:
        print("\n".join(json.dumps(row) for row in rows))
        return 0
    from rich.console import Console
    from rich.table import Table

    table = Table()
    for name in rows[0]:
        table.add_column(name, overflow="fold", no_wrap=name == "system")
    for row in rows:
        table.add_row(*map(str, row.values()))
    Console().print(table)
    return 0


def _rows() -> list[dict]:
    from hueshift_jax import checkpoint
    from hueshift_jax.systems import SYSTEMS

    rows = []
    for entry in SYSTEMS.values():
        weights, notes = checkpoint.load_weights(entry.path)
        rows.append(
            {
                "system": entry.name,
                "what": entry.summary,
                "quality": notes.get("quality", "not measured"),
                "numbers": sum(value.size for value in weights.values()),
                "MB": round(entry.path.stat().st_size / 1e6, 1),
                "license": entry.license,
                "data": entry.data_terms,
            }
        )
    return rows
