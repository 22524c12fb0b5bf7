"""A third-party package with an inventory source, a transport, an output format and a receiver."""

import re

from sockfleet.alerting.notification_document import encode_message
from sockfleet.alerting.sinks.registry import Notifier
from sockfleet.alerting.sinks.sink import Delivered, Unreached
from sockfleet.collector.transport import CommandOutput
from sockfleet.output.formats import Format


def racks(argument):
    """Return three hosts for ``racks:3``, in the form of ``ansible-inventory --list``."""
    hosts = [f"rack{number}" for number in range(1, int(argument) + 1)]
    return {"racks": {"hosts": hosts, "vars": {"sockfleet_transport": "canned"}}}


class Canned:
    """A transport that answers without a network."""

    notes = ()

    def __init__(self, settings):
        self.settings = settings

    async def execute(self, attempt, command):
        mark = re.search("m=(sockfleet-[0-9a-f]{16})", command)[1]
        number = int(attempt.host.name.removeprefix("rack"))
        sockstat = f"TCP: inuse 1 orphan 0 tw 0 alloc {1 + number} mem 1"
        text = f"\n{mark} begin\n==> /proc/net/sockstat <==\n{sockstat}\n{mark} end\n"
        return CommandOutput(stdout=text.encode(), stderr=b"", exit_status=0)

    async def aclose(self):
        pass


def _names(summary, options):
    return "".join(f"{host.name} {host.tcp.tcp_close}\n" for host in summary.hosts).encode()


NAMES = Format(name="names", suffixes=(".names",), render=_names)


class FileSink:
    """A receiver that adds a line of JSON for each message to a file."""

    repeats_all = False
    most_alerts = 1000

    def __init__(self, name, file):
        self.name = name
        self.file = file

    def send(self, message):
        try:
            with self.file.open("ab") as stream:
                stream.write(encode_message(message) + b"\n")
        except OSError as error:
            return Unreached(reason=f"{self.file}: {error.strerror}")
        return Delivered()


def _make_file_sink(settings):
    file = settings.file("file")
    if file is None:
        settings.add_fault("file is missing")
    return FileSink(settings.name, file)


FILE = Notifier(build=_make_file_sink)
