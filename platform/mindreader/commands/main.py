"""The `mindreader` command. Every package adds its own sub-commands through entry points."""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points

import click

from mindreader.errors import MindReaderError

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
            raise click.ClickException(error.for_administrators) from None
        except Exception as error:
            if sentence := _trouble(error):
                raise click.ClickException(sentence) from None
            raise


def _trouble(error: Exception) -> str | None:
    """What to say of trouble outside MindReader; None for errors of its own, whose traceback is wanted."""
    import sqlite3

    from sqlalchemy.exc import DBAPIError

    from mindreader.commands.trouble import is_nobody_reading, sentence_of

    if not isinstance(error, OSError | DBAPIError | sqlite3.Error):
        return None
    return None if isinstance(error, OSError) and is_nobody_reading(error) else sentence_of(error)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="mindreader")
def main() -> None:
    """Find photos by drawing.

    \b
    mindreader serve                      start everything and open the printed address
    mindreader import DIR                 upload a folder of photos
    mindreader search SKETCH.png          find photos by a sketch
    """


if __name__ == "__main__":
    main()
