"""Evaluate templates in a process of its own, which a hostile one may use up.

Jinja2's sandbox keeps a template from Python's internals, but bounds neither its time nor its
memory: ``'a' * 10**9``, ``10**10**10`` and nested loops are ordinary expressions. The kernel bounds
both here, and the parent (`templates`) takes the death of this process as the template's error.

It reads one pickle of its parent's on standard input: a list of pairs, one for each host, of the
variables by name and the names of those to evaluate. For each of these it prints one JSON line,
``{"value": …}`` or ``{"error": "…"}``.
"""

from __future__ import annotations

import json
import pickle
import re
import resource
import signal
import sys
from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from pathlib import Path
from types import GeneratorType
from typing import Any

from jinja2 import ChainableUndefined, StrictUndefined, TemplateError, Undefined
from jinja2.nativetypes import NativeCodeGenerator
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

from ..models import LiteralText

__all__ = ["TemplateEnvironment", "evaluate", "main"]

_CPU_S = 1.0  # of one template; an honest one takes less than a millisecond
_ALL_CPU_S = 60
_MEMORY_BYTES = 512 * 1024 * 1024
_MOST_CHARACTERS = 64 * 1024
_MARKS = re.compile(r"\{\{|\{%|\{#")
_LOOKUPS = frozenset({"lookup", "query", "q"})
# What Ansible alone knows while a playbook runs, and names that it gives to a whole run.
_OF_ANSIBLE = frozenset({"groups", "hostvars", "inventory_dir", "inventory_file", "omit", "now",
    "playbook_dir", "role_path", "vars", "undef", "ansible_facts", "ansible_version"})  # fmt: skip
_FOR_UNDEFINED = frozenset({"default", "d", "defined", "undefined"})
_INSTEAD = "write the value itself, or resolve it before (an executable inventory)"


class _Undefined(ChainableUndefined, StrictUndefined):
    """Raises wherever it is used, except by ``default`` and ``is defined``.

    As in Ansible, ``default`` also applies where a parent is missing: ``{{ a.b | default(1) }}``.
    """

    __slots__ = ()

    @property
    def _undefined_message(self) -> str:
        name = self._undefined_name
        if self._undefined_hint is None and name in _OF_ANSIBLE:
            return f"{name!r} of Ansible is not provided here: {_INSTEAD}"
        return super()._undefined_message


class _Context(Context):
    """The host's variables; one that holds a template itself is evaluated when it is used."""

    def resolve_or_missing(self, key: str) -> Any:  # noqa: ANN401 (as in Jinja2)
        value = super().resolve_or_missing(key)
        environment = self.environment
        if value is self.parent.get(key) and isinstance(environment, TemplateEnvironment):
            return environment.finish(value, self.parent)
        return value


class _CodeGenerator(NativeCodeGenerator):
    """Keeps the type of a single constant, which Jinja2 would turn into text."""

    def _output_const_repr(self, group: Iterable[Any]) -> str:
        return repr(_concatenate(group))


class TemplateEnvironment(ImmutableSandboxedEnvironment):
    """Jinja2's sandbox with its own filters, native values and no functions but its harmless ones.

    As in ansible-core 2.19, a template of one expression gives the value of that expression, any
    other gives text in which null is empty.
    """

    code_generator_class = _CodeGenerator
    context_class = _Context
    concat = staticmethod(lambda values: _concatenate(values))

    def __init__(self) -> None:
        super().__init__(undefined=_Undefined, trim_blocks=True)
        self._known: dict[str, Any] = {}
        self.globals = {"range": self.globals["range"], "dict": dict}
        self.globals |= dict.fromkeys(_LOOKUPS, _refuse_lookup)
        self.filters = _pass_on_undefined_in(self.filters)
        self.tests = _pass_on_undefined_in(self.tests)

    def finish(self, value: Any, variables: Mapping[str, Any]) -> Any:  # noqa: ANN401 (any value of an inventory)
        """Return a value of the inventory with the templates in it evaluated."""
        if isinstance(value, str):
            literal = isinstance(value, LiteralText) or not _MARKS.search(value)
            return value if literal else self.render(value, variables)
        if isinstance(value, dict):
            return {key: self._finish_part(one, variables) for key, one in value.items()}
        if isinstance(value, list):
            return [self._finish_part(one, variables) for one in value]
        return value

    def _finish_part(self, value: Any, variables: Mapping[str, Any]) -> Any:  # noqa: ANN401 (any value of an inventory)
        # A part that has no value is an error only where it is used, as in Ansible.
        try:
            return self.finish(value, variables)
        except TemplateError as error:
            return _Undefined(hint=str(error))

    def _keep_backslashes(self, text: str) -> str:
        r"""Double the backslashes of texts in ``{{ }}``: to Ansible, ``'\n'`` is two characters."""
        if "\\" not in text:
            return text
        parts: list[str] = []
        within = False
        for _, kind, part in self.lex(text):
            if kind in ("variable_begin", "variable_end"):
                within = kind == "variable_begin"
            doubled = within and kind == "string"
            parts.append(part.replace("\\", "\\\\") if doubled else part)
        return "".join(parts)

    def render(self, text: str, variables: Mapping[str, Any]) -> Any:  # noqa: ANN401 (any value of an inventory)
        """Return the value of a template."""
        template = self._known.get(text)
        if template is None:
            template = self._known[text] = self.from_string(self._keep_backslashes(text))
        # Template.render() would turn every error into a rewritten traceback.
        value = self.concat(template.root_render_func(template.new_context(dict(variables))))
        if isinstance(value, Undefined):
            str(value)  # raises its error
        if isinstance(value, str):
            value += "\n" * (_count_newlines(text) - _count_newlines(value))
        return value


def evaluate(
    environment: TemplateEnvironment, name: str, variables: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the answer to one request."""
    try:
        text = json.dumps(environment.finish(variables[name], variables), default=_make_plain)
    except RecursionError:
        return {"error": "it refers to itself, or is nested too deeply"}
    except MemoryError:
        return {"error": "it takes too much memory"}
    except TemplateError as error:
        return {"error": _describe(error)}
    except Exception as error:  # a template can call any method of a text or a number
        return {"error": f"{type(error).__name__}: {error}"[:200]}
    if len(text) > _MOST_CHARACTERS:
        return {"error": f"its value has more than {_MOST_CHARACTERS:,} characters"}
    return {"value": json.loads(text)}


def main() -> None:
    """Answer the requests of standard input, within the limits of time and memory."""
    hosts = pickle.load(sys.stdin.buffer)  # noqa: S301 (the parent made it)
    count = sum(len(names) for _, names in hosts)
    seconds = _ALL_CPU_S + count // 1000
    memory_bytes = _MEMORY_BYTES + _get_address_space_bytes()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    environment = TemplateEnvironment()
    for variables, names in hosts:
        for name in names:
            # The signal ends the process, also within one long call of C code.
            signal.setitimer(signal.ITIMER_PROF, _CPU_S)
            answer = evaluate(environment, name, variables)
            signal.setitimer(signal.ITIMER_PROF, 0)
            print(json.dumps(answer), flush=True)  # noqa: T201 (the answer)


def _get_address_space_bytes() -> int:
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[0]
    return int(pages) * resource.getpagesize()


def _concatenate(values: Iterable[Any]) -> Any:  # noqa: ANN401 (any value of an inventory)
    parts = [part for part in values if part is not None]
    if not parts:
        return None
    if len(parts) == 1:
        return list(parts[0]) if isinstance(parts[0], GeneratorType) else parts[0]
    return "".join(map(str, parts))


def _count_newlines(text: str) -> int:
    return len(text) - len(text.rstrip("\n"))


def _pass_on_undefined_in(functions: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: function if name in _FOR_UNDEFINED else _pass_on_undefined(function)
        for name, function in functions.items()
    }


def _pass_on_undefined(function: Callable[..., Any]) -> Callable[..., Any]:
    """Make a filter or test give an undefined argument back, as Ansible's do; its use raises."""

    @wraps(function)  # with Jinja2's marks of functions that take the context
    def call(*words: Any, **options: Any) -> Any:  # noqa: ANN401 (any value of an inventory)
        for word in (*words, *options.values()):
            if isinstance(word, Undefined):
                return word
        return function(*words, **options)

    return call


def _refuse_lookup(*_words: object, **_options: object) -> None:
    raise TemplateError(f"lookups of Ansible are not evaluated here: {_INSTEAD}")


def _describe(error: TemplateError) -> str:
    text = (error.message or type(error).__name__)[:300]
    if text.startswith(("No filter named", "No test named")):
        return f"{text.rstrip('.')} in Jinja2; those of Ansible are not evaluated here: {_INSTEAD}"
    return text


def _make_plain(value: object) -> object:
    if isinstance(value, Undefined):
        return str(value)  # raises its error
    if isinstance(value, (tuple, set, range, GeneratorType)):
        return list(value)
    raise TemplateError(f"its value is a {type(value).__name__}, which is no plain value")


if __name__ == "__main__":
    main()
