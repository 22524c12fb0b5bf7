"""Connection variables: their names, and one host's values with their types checked.

Names and precedence are those of ansible-core 2.19's ssh and paramiko connections: where several
names mean the same, the last one that is set counts (``ansible_ssh_host`` over ``ansible_host``),
and null means absent. A template that `templates` could not evaluate is refused, and so is a text
of Ansible's vault.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...core.lazy_pattern import lazy_pattern
from ...core.record import record
from ...core.text import quote
from ..addresses import check_port
from ..errors import InventoryError
from ..models import Connection, Probe
from .secret_variables import is_secret

__all__ = [
    "ADDRESS",
    "COMMON_ARGUMENTS",
    "CONNECTION",
    "EXTRA_ARGUMENTS",
    "HOST_KEY_CHECKING",
    "IDENTITY_FILE",
    "IGNORED",
    "NAMES",
    "PASSWORD",
    "PORT",
    "PROBE",
    "PROXY_COMMAND",
    "REGION",
    "SSH_ARGUMENTS",
    "TIMEOUT",
    "TRANSPORT",
    "USER",
    "OtherConnectionError",
    "UnresolvedTemplate",
    "Variables",
]

ADDRESS = ("ansible_host", "ansible_ssh_host", "ansible_paramiko_host")
PORT = ("ansible_port", "ansible_ssh_port", "ansible_paramiko_port")
USER = ("ansible_user", "ansible_ssh_user", "ansible_paramiko_user")
PASSWORD = (
    "ansible_password",
    "ansible_ssh_pass",
    "ansible_ssh_password",
    "ansible_paramiko_pass",
    "ansible_paramiko_password",
)
IDENTITY_FILE = (
    "ansible_private_key_file",
    "ansible_ssh_private_key_file",
    "ansible_paramiko_private_key_file",
)
HOST_KEY_CHECKING = (
    "ansible_host_key_checking",
    "ansible_ssh_host_key_checking",
    "ansible_paramiko_host_key_checking",
)
TIMEOUT = ("ansible_timeout", "ansible_ssh_timeout", "ansible_paramiko_timeout")
SSH_ARGUMENTS = ("ansible_ssh_args",)
COMMON_ARGUMENTS = ("ansible_ssh_common_args",)
EXTRA_ARGUMENTS = ("ansible_ssh_extra_args",)
PROXY_COMMAND = ("ansible_paramiko_proxy_command",)
CONNECTION = ("ansible_connection",)
TRANSPORT = ("sockfleet_transport",)
PROBE = ("sockfleet_probe",)
REGION = ("sockfleet_region",)

_REFUSED = {
    "ansible_private_key": "a key in the inventory is not read: name its file",
    "ansible_ssh_private_key": "a key in the inventory is not read: name its file",
    "ansible_ssh_pkcs11_provider": "PKCS#11 providers are not supported: let an agent hold the key",
}
IGNORED = (
    "ansible_control_path",
    "ansible_control_path_dir",
    "ansible_private_key_passphrase",
    "ansible_ssh_executable",
    "ansible_ssh_password_mechanism",
    "ansible_ssh_private_key_passphrase",
    "ansible_ssh_retries",
    "ansible_ssh_use_tty",
    "ansible_ssh_verbosity",
    "ansible_sshpass_prompt",
)
"""Variables that configure the ssh program, which sockfleet does not run."""

NAMES = (
    *ADDRESS,
    *PORT,
    *USER,
    *PASSWORD,
    *IDENTITY_FILE,
    *HOST_KEY_CHECKING,
    *TIMEOUT,
    *SSH_ARGUMENTS,
    *COMMON_ARGUMENTS,
    *EXTRA_ARGUMENTS,
    *PROXY_COMMAND,
    *CONNECTION,
    *TRANSPORT,
    *PROBE,
    *REGION,
    *_REFUSED,
    *IGNORED,
)

_CONNECTIONS = {
    "ssh": (Connection.SSH, None),
    "smart": (Connection.SSH, None),
    "paramiko": (Connection.SSH, "paramiko"),
    "paramiko_ssh": (Connection.SSH, "paramiko"),
    "local": (Connection.LOCAL, None),
}
_BUILTIN = lazy_pattern(r"^ansible\.(?:builtin|legacy)\.")
# Connections of Ansible's that are not SSH to a machine with a shell; a name with dots is one of
# a collection.
_OTHER_CONNECTIONS = lazy_pattern(
    r"winrm|psrp|aws_ssm|docker|docker_api|podman|buildah|nsenter|kubectl|oc|lxc|lxd|incus|jail|"
    r"iocage|zone|chroot|libvirt_lxc|qubes|vmware_tools|network_cli|netconf|httpapi|grpc|napalm|"
    r"persistent|saltstack|funcd|[a-z0-9_]+\.[a-z0-9_]+\.[a-z0-9_.]+"
)
_TRANSPORT = lazy_pattern(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
# It is passed to a Dask worker as --resources "NAME=1", which is split at "," "=" and blanks.
_REGION = lazy_pattern(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")
# Problems that name no value, so that they can be shown for a secret too.
_HARMLESS_PROBLEM = lazy_pattern(
    r"'\w+' is undefined$|'\w+' of Ansible|No filter|No test|lookups of|it "
)
_TRUE = frozenset({"y", "yes", "on", "1", "true", "t"})
_FALSE = frozenset({"n", "no", "off", "0", "false", "f"})


@record
class UnresolvedTemplate:
    """Takes the place of a connection variable whose template has no value."""

    text: str
    problem: str


class OtherConnectionError(InventoryError):
    """The host is reached by a connection of Ansible's that sockfleet does not have."""

    def __init__(self, where: str, connection: str) -> None:
        self.connection = connection
        super().__init__(
            where, f"{quote(connection)} is not supported: there are {', '.join(_CONNECTIONS)}"
        )


class Variables:
    """One host's connection variables; each method raises InventoryError for an invalid value."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        """``values`` holds any of `NAMES`; other names are ignored."""
        self._values = values
        self.connection, self.transport = self._read_connection()

    def refuse_unsupported(self) -> None:
        """Raise InventoryError where a variable needs a feature that sockfleet does not have."""
        for name, reason in _REFUSED.items():
            if self._values.get(name) not in (None, ""):
                raise InventoryError(name, reason)

    def text(self, names: tuple[str, ...]) -> tuple[str, str]:
        """(value, name of the variable), ("", "") where it is absent; numbers become text."""
        name, value = self._find(names)
        if isinstance(value, bool) or not isinstance(value, (str, int)):
            if value is None:
                return "", ""
            raise _wrong_value(name, value, "text")
        return str(value), name

    def port(self) -> tuple[int | None, str]:
        """(port, name of the variable), (None, "") where it is absent; an int or its digits."""
        name, value = self._find(PORT)
        if value is None:
            return None, ""
        if isinstance(value, bool) or not isinstance(value, (str, int)):
            raise _wrong_value(name, value, "a port from 1 to 65535")
        try:
            return check_port(str(value).strip()), name
        except ValueError as error:
            raise InventoryError(name, str(error)) from None

    def connect_timeout_s(self) -> tuple[int | None, str]:
        """(connect timeout in whole seconds, name of the variable), (None, "") where absent."""
        name, value = self._find(TIMEOUT)
        if value is None:
            return None, ""
        digits = str(value).strip()
        if isinstance(value, (bool, float)) or not (digits.isascii() and digits.isdigit()):
            raise _wrong_value(name, value, "a whole number of seconds")
        return int(digits[:9]), name

    def host_key_checking(self) -> tuple[bool | None, str]:
        """(whether host keys are checked, name of the variable); None where it is absent.

        Takes the words for true and false of YAML and Ansible.
        """
        name, value = self._find(HOST_KEY_CHECKING)
        if value is None or isinstance(value, bool):
            return value, name
        word = str(value).strip().lower()
        if word not in _TRUE | _FALSE:
            raise _wrong_value(name, value, "true or false")
        return word in _TRUE, name

    def probe(self) -> Probe | None:
        """Which probe the host answers; None where the variable is absent."""
        name, value = self._find(PROBE)
        if value is None:
            return None
        if value not in tuple(Probe):
            raise _wrong_value(name, value, " or ".join(Probe))
        return Probe(value)

    def region(self) -> str | None:
        """The region of the Dask workers that can reach the host; None where it is absent."""
        name, value = self._find(REGION)
        if value is None:
            return None
        if not isinstance(value, str) or not _REGION().fullmatch(value):
            raise _wrong_value(name, value, "letters, digits and _ . - (64 at most)")
        return value

    def _read_connection(self) -> tuple[Connection, str | None]:
        name, value = self._find(CONNECTION)
        if value is None:
            connection, transport = _CONNECTIONS["ssh"]
        else:
            word = _BUILTIN().sub("", value) if isinstance(value, str) else ""
            if word not in _CONNECTIONS and _OTHER_CONNECTIONS().fullmatch(word):
                raise OtherConnectionError(name, value)
            if word not in _CONNECTIONS:
                known = ", ".join(_CONNECTIONS)
                raise InventoryError(name, f"{quote(value)} is not supported: there are {known}")
            connection, transport = _CONNECTIONS[word]
        name, wanted = self._find(TRANSPORT)
        if wanted is None:
            return connection, transport
        if not isinstance(wanted, str) or not _TRANSPORT().fullmatch(wanted):
            raise _wrong_value(name, wanted, "the name of a transport")
        return connection, wanted

    def _find(self, names: tuple[str, ...]) -> tuple[str, Any]:
        """The last name that is set; paramiko's own names count only for that connection."""
        for name in reversed(names):
            value = self._values.get(name)
            if value is None or ("_paramiko_" in name and self.transport != "paramiko"):
                continue
            _refuse_unresolved(name, value)
            return name, value
        return names[0], None


def _refuse_unresolved(name: str, value: object) -> None:
    if isinstance(value, UnresolvedTemplate):
        secret = is_secret(name) and not _HARMLESS_PROBLEM().match(value.problem)
        text = "" if is_secret(name) else f" {quote(value.text)}"
        problem = "" if secret else f": {value.problem}"
        raise InventoryError(name, f"the template{text} is not resolved{problem}")
    vault = isinstance(value, Mapping) and "__ansible_vault" in value
    if vault or (isinstance(value, str) and value.startswith("$ANSIBLE_VAULT")):
        raise InventoryError(
            name, "the value is encrypted by ansible-vault, which is not opened here"
        )


def _wrong_value(name: str, value: object, expected: str) -> InventoryError:
    found = "a secret" if is_secret(name) else quote(value)
    return InventoryError(name, f"found {found} ({type(value).__name__}), expected {expected}")
