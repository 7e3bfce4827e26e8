"""The `mindreader` command. Every package adds its own sub-commands through entry points."""

from __future__ import annotations

import json
import sys
from importlib.metadata import EntryPoint, entry_points

import click

from mindreader.errors import MindReaderError
from mindreader.settings import ENV_PREFIX, Settings, load_settings

_COMMANDS = "mindreader.commands"


class _Commands(click.Group):
    """Loads a command when it is asked for, so that `mindreader --help` does not wait for torch."""

    @staticmethod
    def _entries() -> dict[str, EntryPoint]:
        return {entry.name: entry for entry in entry_points(group=_COMMANDS)}

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(self._entries())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        entry = self._entries().get(cmd_name)
        command: click.Command | None = entry.load() if entry else None
        return command

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except MindReaderError as error:
            raise click.ClickException(error.detail) from None


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="mindreader")
def main() -> None:
    """Find photos by drawing.

    \b
    mindreader serve                      start everything and open the printed address
    mindreader import DIR                 upload a folder of photos
    mindreader search SKETCH.png          find photos by a sketch
    """


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


@click.command()
@click.option("--repair", is_flag=True, help="Mend what can be mended.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def doctor_command(repair: bool, as_json: bool) -> None:
    """Compare catalog, stored files and photo index, and say what differs. Exit status 1 when something does."""
    from mindreader.blobs import BlobStore
    from mindreader.catalog import Catalog
    from mindreader.photo_index import PhotoIndexes
    from mindreader.photo_index.folder_lock import data_folder_to_oneself
    from mindreader.use_cases.doctor import examine

    settings = load_settings()
    catalog, indexes = Catalog(settings.catalog_url), PhotoIndexes(settings)
    catalog.migrate()
    try:
        with data_folder_to_oneself(settings):
            findings = examine(catalog, BlobStore(settings.blobs_root), indexes, settings, repair=repair)
    finally:
        indexes.close()
        catalog.close()
    if as_json:
        click.echo(json.dumps({"findings": [finding.as_json() for finding in findings]}, indent=2))
    else:
        click.echo("\n".join(finding.sentence for finding in findings) or "Everything agrees.")
    sys.exit(1 if any(not finding.repaired for finding in findings) else 0)


if __name__ == "__main__":
    main()
