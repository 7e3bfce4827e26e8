"""`mindreader settings`: every setting, its value, and what it means."""

from __future__ import annotations

import json

import click

from mindreader.settings import ENV_PREFIX, Settings, load_settings


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--markdown", is_flag=True, help="Print the table of docs/settings.md.")
def settings_command(as_json: bool, markdown: bool) -> None:
    """Show every setting: its environment variable, present value, default and meaning."""
    if markdown:
        click.echo(settings_table())
        return
    values = load_settings().model_dump(mode="json")
    if as_json:
        click.echo(json.dumps(values, indent=2))
        return
    for name, field in Settings.model_fields.items():
        click.echo(f"{ENV_PREFIX}{name.upper()}={values[name]}\n    {field.description}")


def settings_table() -> str:
    """All settings as a Markdown table."""
    lines = ["| variable | default | meaning |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        default = "the user's data folder" if field.default_factory else f"`{_shown(field.default)}`"
        lines.append(f"| `{ENV_PREFIX}{name.upper()}` | {default} | {field.description} |")
    return "\n".join(lines)


def _shown(default: object) -> str:
    text = str(default)
    return text if text else '""'
