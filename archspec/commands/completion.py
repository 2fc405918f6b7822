"""`archspec completion`: a script by which bash, zsh or fish complete archspec's commands.

The scripts are made from the parsers, so that they know each option with its choices, and the specs that ship.
"""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from archspec.commands.shared import OK
from archspec.errors import CODES
from archspec.spec import shipped
from archspec.spec.shipped_specs import RECIPES

EXAMPLES: Final = (
    'eval "$(archspec completion bash)"       # in ~/.bashrc',
    'eval "$(archspec completion zsh)"        # in ~/.zshrc, after compinit',
    "archspec completion fish | source       # in ~/.config/fish/config.fish",
)
"""What its help shows."""

_SPECS: Final = ("spec", "specs", "a", "b")
"""The arguments of commands that name specs."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `completion`."""
    parser.add_argument("shell", choices=tuple(_SHELLS), help="whose script is printed")


def run_completion(arguments: argparse.Namespace) -> int:
    """Print the script."""
    print("\n".join(_SHELLS[arguments.shell](list(_commands(arguments.commands())))))
    return OK


@dataclass(frozen=True, slots=True)
class _Option:
    """An option of a command: how it is spelled, what it does, and what may follow it, as far as it is known."""

    names: Sequence[str]
    help: str
    values: Sequence[str]
    takes_value: bool


@dataclass(frozen=True, slots=True)
class _Command:
    """A command, its options, and the words that may stand in it besides file names."""

    name: str
    help: str
    options: Sequence[_Option]
    words: Sequence[str]


def _commands(every: Iterable[tuple[str, str, argparse.ArgumentParser]]) -> Iterator[_Command]:
    specs = shipped()
    for name, does, parser in every:
        options: list[_Option] = []
        words: list[str] = []
        for action in parser._actions:  # argparse has no public way to them
            choices = [str(choice) for choice in action.choices or ()]
            if action.option_strings:
                known = choices or _known(action.option_strings, specs)
                help = " ".join((action.help or "").replace("%%", "%").split())
                options.append(_Option(action.option_strings, help, known, action.nargs != 0))
            else:
                words += choices or (specs if action.dest in _SPECS else CODES if action.dest == "codes" else ())
        words += RECIPES.names() if name == "validate" else ()
        yield _Command(name, does, options, words)


def _known(names: Sequence[str], specs: Sequence[str]) -> Sequence[str]:
    """What may follow an option whose values the parser does not list."""
    from archspec.codegen.registry import backends

    known = {"--backend": backends(), "--backends": backends(), "--network": specs, "--recipe": RECIPES.names()}
    return {**known, "--like": [*specs, *RECIPES.names()]}.get(names[-1], ())


def _bash(commands: Sequence[_Command]) -> Iterator[str]:
    yield "_archspec() {"
    yield '  local cur="${COMP_WORDS[COMP_CWORD]}" prev="${COMP_WORDS[COMP_CWORD-1]}" command="" words="" files=1 word'
    yield '  for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do'
    yield f'    case "$word" in {"|".join(command.name for command in commands)}) command="$word"; break;; esac'
    yield "  done"
    yield '  case "$command" in'
    names = " ".join(command.name for command in commands)
    yield f'    "") words="{names} --help --version --color"; files="";;'
    for command in commands:
        yield f"    {command.name})"
        yield '      case "$prev" in'
        for option in command.options:
            if option.takes_value:
                only = f'words="{" ".join(option.values)}"; files="";;' if option.values else ";;"
                yield f"        {'|'.join(option.names)}) {only}"
        spelled = " ".join(name for option in command.options for name in option.names)
        yield f'        *) words="{" ".join(command.words)}"'
        yield f'          if [[ "$cur" == -* ]]; then words="{spelled}"; files=""; fi;;'
        yield "      esac;;"
    yield "  esac"
    yield '  COMPREPLY=($(compgen -W "$words" -- "$cur"))'
    yield '  if [[ -n "$files" ]]; then COMPREPLY+=($(compgen -f -- "$cur")); compopt -o filenames 2>/dev/null; fi'
    yield "}"
    yield "complete -F _archspec archspec"


def _zsh(commands: Sequence[_Command]) -> Iterator[str]:
    yield "#compdef archspec"
    yield "_archspec() {"
    yield "  local -a commands"
    yield "  commands=("
    yield from (f"    {_described(command.name, command.help)}" for command in commands)
    yield "  )"
    yield "  if (( CURRENT == 2 )); then _describe 'command' commands; return; fi"
    yield '  case "$words[2]" in'
    for command in commands:
        yield f"    {command.name})"
        yield '      case "$words[CURRENT-1]" in'
        for option in command.options:
            if option.takes_value:
                add = f"compadd -- {shlex.join(option.values)}" if option.values else "_files"
                yield f"        {'|'.join(option.names)}) {add}; return;;"
        yield "      esac"
        yield '      if [[ "$words[CURRENT]" == -* ]]; then'
        yield "        local -a options"
        yield "        options=("
        for option in command.options:
            yield from (f"          {_described(name, option.help)}" for name in option.names)
        yield "        )"
        yield "        _describe 'option' options"
        yield "      else"
        if command.words:
            yield f"        compadd -- {shlex.join(command.words)}"
        yield "        _files"
        yield "      fi;;"
    yield "  esac"
    yield "}"
    yield "compdef _archspec archspec"


def _described(name: str, help: str) -> str:
    """A word with what it does, as zsh's `_describe` takes it."""
    return shlex.quote(f"{name}:{help}".replace("\\", "\\\\"))


def _fish(commands: Sequence[_Command]) -> Iterator[str]:
    yield "complete -c archspec -f -n __fish_use_subcommand -l help -s h -d 'show help'"
    yield "complete -c archspec -f -n __fish_use_subcommand -l version -s V -d 'show the version'"
    for command in commands:
        yield f"complete -c archspec -f -n __fish_use_subcommand -a {command.name} -d {_fish_quoted(command.help)}"
    for command in commands:
        begin = f"complete -c archspec -n '__fish_seen_subcommand_from {command.name}'"
        if command.words:
            yield f"{begin} -a {_fish_quoted(' '.join(command.words))}"
        for option in command.options:
            spelled = " ".join(f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}" for name in option.names)
            values = f" -x -a {_fish_quoted(' '.join(option.values))}" if option.values else " -r" * option.takes_value
            yield f"{begin} {spelled}{values} -d {_fish_quoted(option.help)}"


def _fish_quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


_SHELLS: Final[Mapping[str, Callable[[Sequence[_Command]], Iterator[str]]]] = {
    "bash": _bash,
    "zsh": _zsh,
    "fish": _fish,
}
