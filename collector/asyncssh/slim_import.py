"""asyncssh, imported without the optional parts that nothing here uses.

On import asyncssh searches for liboqs and nettle by `ctypes.util.find_library`, which runs
ldconfig, and gcc and ld where they are installed: 20 to 60 ms, and a scan should not start programs
from the PATH. The libraries would add the key exchange sntrup761 and the umac MACs, neither of
which `ssh.algorithms` offers.

It also imports cryptography.x509, a sixth of the whole import, for X.509 certificates. These need
pyOpenSSL as well, and `ssh.algorithms` offers none of their key types.

From typing_extensions it takes what `typing` has since Python 3.11. On 3.11 the import of
typing_extensions also replaces functions of `typing` by slower ones.

Its annotations are evaluated on import: 1,900 times an Optional, a Union or a Callable of something
is made, a tenth of the import. Nothing reads them, so asyncssh gets forms that make nothing.
"""

from __future__ import annotations

import ctypes.util
import sys
import typing
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType

__all__ = ["asyncssh"]

_X509 = "asyncssh.crypto.x509"
_EXTENSIONS = "typing_extensions"


_FORMS = [
    *("AsyncIterator", "Awaitable", "Callable", "Dict", "IO", "Iterable", "Iterator", "List"),
    *("Literal", "Mapping", "Optional", "Sequence", "Set", "Tuple", "Type", "Union"),
]
"""The forms in asyncssh's annotations; its classes derive from others."""


class _Form:
    """A form for annotations that nothing reads."""

    def __getitem__(self, _parameters: object) -> _Form:
        return self

    def __or__(self, _other: object) -> _Form:
        return self

    __ror__ = __or__


def _make_quick_typing() -> ModuleType:
    quick = ModuleType("typing")
    vars(quick).update(vars(typing), **dict.fromkeys(_FORMS, _Form()))
    return quick


def _find_nothing(name: str) -> None:
    del name


@contextmanager
def _without_optional_parts() -> Iterator[None]:
    search = ctypes.util.find_library
    ctypes.util.find_library = _find_nothing
    # None makes an import fail ("The module cache" of the language reference).
    sys.modules[_X509] = None  # type: ignore[assignment]  # import takes None, typeshed does not
    quick = sys.modules["typing"] = _make_quick_typing()
    is_typing = sys.modules.setdefault(_EXTENSIONS, quick) is quick
    try:
        yield
    finally:
        sys.modules["typing"] = typing
        ctypes.util.find_library = search
        del sys.modules[_X509]
        if is_typing:
            del sys.modules[_EXTENSIONS]


def _import_asyncssh() -> None:
    """Leave the optional parts out, unless this version of asyncssh cannot do without them."""
    if "asyncssh" in sys.modules:
        return
    import_module("asyncio")  # whose annotations keep their meaning
    try:
        with _without_optional_parts():
            import_module("asyncssh")
    except (ImportError, TypeError, AttributeError):  # or a form is used in another way
        for name in [name for name in sys.modules if name.startswith("asyncssh.")]:
            del sys.modules[name]


_import_asyncssh()
import asyncssh  # noqa: E402  (all of it, where the import above has failed)
