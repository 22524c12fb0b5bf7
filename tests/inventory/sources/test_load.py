"""The choice of the reader, standard input, folders, and errors that users see."""

from __future__ import annotations

import io
import os
import socket
from pathlib import Path

import pytest
from pytest_mock import MockerFixture

from sockfleet.core.errors import UsageError
from sockfleet.inventory.errors import InventoryError
from sockfleet.inventory.sources.load import load_inventory


@pytest.fixture(autouse=True)
def enter_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def write(name: str, text: str, mode: int = 0o644) -> str:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
    return name


def from_stdin(text: str | bytes) -> list[str]:
    content = text if isinstance(text, bytes) else text.encode()
    return list(load_inventory(["-"], stdin=io.BytesIO(content)).hosts)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("web1\nweb2:22\n", ["web1", "web2"]),
        ("[web]\nweb[1:2]\n", ["web1", "web2"]),
        ("all:\n  hosts:\n    web1:\n", ["web1"]),
        ("---\nweb: {hosts: {web1: }}\n", ["web1"]),
        ('{"web": {"hosts": {"web1": {}}}}', ["web1"]),
        ("", []),
        ("# nothing\n", []),
        (b"\xef\xbb\xbf[web]\r\nweb1\r\n", ["web1"]),
        ("web1 ansible_host=10.0.0.1\nweb2\n# a: b\n[db]\ndb1\n", ["web1", "web2", "db1"]),
    ],
)
def test_the_format_of_standard_input_is_detected(text: str | bytes, names: list[str]) -> None:
    assert from_stdin(text) == names


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("all:\n  hosts:\n   web1: {\n", "standard input:4: not valid YAML"),
        ("all: {hosts: {web1: }\n", "standard input:2: not valid YAML"),
        ("all: x: y\n", "standard input:1: not valid YAML"),
        ("# INI?\nall:\n  hosts: [web1]\n", "standard input: all.hosts: found a list of 1"),
        ("[web]\nx y\n", "standard input:2: found 'y'"),
        (b"web\xff1\n", "standard input:1: found the byte 0xff"),
    ],
)
def test_errors_of_standard_input(text: str | bytes, message: str) -> None:
    with pytest.raises(InventoryError) as caught:
        from_stdin(text)
    assert str(caught.value).startswith(message)


def test_no_standard_input() -> None:
    with pytest.raises(UsageError, match="cannot be read here"):
        load_inventory(["-"])


LISTING = """{"_meta": {"hostvars": {"w1": {"a": 1}}, "profile": "inventory_legacy"},
 "all": {"children": ["ungrouped", "web"]}, "web": {"hosts": ["w1"]}, "ungrouped": {"hosts": ["u"]}}
"""


def test_output_of_ansible_inventory_is_a_source() -> None:
    """Ansible accepts this only from an executable."""
    for name in ("-", write("fleet.json", LISTING), write("fleet", LISTING)):
        inventory = load_inventory([name], stdin=io.BytesIO(LISTING.encode()))
        assert inventory.hosts["w1"].variables == {"a": 1}
        assert inventory.groups["web"].hosts == ("w1",)
        assert inventory.groups["ungrouped"].hosts == ("u",)


def test_no_source_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="no inventory is named"):
        load_inventory([])
    with pytest.raises(UsageError, match="empty text"):
        load_inventory([""])


def test_a_missing_file_says_how_to_name_a_host() -> None:
    with pytest.raises(InventoryError, match=r"web1: no such file or folder; .*'web1,'"):
        load_inventory(["web1"])


def test_odd_file_names() -> None:
    with pytest.raises(InventoryError, match="null"):
        load_inventory(["a\0b"])
    with pytest.raises(InventoryError, match="cannot be read"):
        load_inventory(["x" * 5000])


def test_an_unreadable_file(mocker: MockerFixture) -> None:
    """The refusal is a fake, because root can read every file."""
    name = write("hosts.ini", "web1\n")
    refuse = PermissionError(13, "Permission denied")
    mocker.patch("sockfleet.inventory.sources.files.Path.open", side_effect=refuse)
    with pytest.raises(InventoryError, match=r"hosts\.ini: cannot be read: Permission denied"):
        load_inventory([name])


def test_an_endless_file(mocker: MockerFixture) -> None:
    mocker.patch("sockfleet.inventory.sources.files.MOST_BYTES", 100_000)
    with pytest.raises(InventoryError, match=r"/dev/zero: is larger than 100,000 bytes"):
        load_inventory(["/dev/zero"])


def test_a_pipe_is_read_once(tmp_path: Path) -> None:
    """As with a shell's <(command)."""
    reader, writer = os.pipe()
    os.write(writer, b"[web]\nweb1\n")
    os.close(writer)
    try:
        assert list(load_inventory([f"/dev/fd/{reader}"]).hosts) == ["web1"]
    finally:
        os.close(reader)


def test_ranges_in_a_host_list() -> None:
    """As Ansible's advanced_host_list, which is off by default there."""
    inventory = load_inventory(["web[01:03],db1:2222", "web02,x,"])
    assert list(inventory.hosts) == ["web01", "web02", "web03", "db1", "x"]
    assert inventory.hosts["db1"].variables == {"ansible_port": 2222}
    assert inventory.groups["ungrouped"].hosts == tuple(inventory.hosts)
    assert inventory.sources == ("web[01:03],db1:2222", "web02,x,")


def test_a_host_list_may_be_longer_than_a_path() -> None:
    names = [f"host{number}.example.com" for number in range(1000)]
    assert list(load_inventory([",".join(names)]).hosts) == names


def test_a_file_with_a_comma_in_its_name_is_a_file() -> None:
    assert list(load_inventory([write("a,b", "web1\n")]).hosts) == ["web1"]


def test_a_yaml_file_is_never_read_as_ini() -> None:
    """Ansible tries INI next."""
    with pytest.raises(InventoryError, match=r"hosts\.yml: found str 'web1' as the whole document"):
        load_inventory([write("hosts.yml", "web1\n")])


@pytest.mark.parametrize(
    ("text", "where", "message"),
    [
        ("- a\n", "h.yml", "found a list of 1 as the whole document, expected a mapping"),
        ("web: 5\n", "h.yml: web", "found int 5 as a group"),
        ("web: {children: {sub: x}}\n", "h.yml: web.children.sub", "found str 'x' as a group"),
        ("web: {hosts: 5}\n", "h.yml: web.hosts", "found int 5, expected a mapping"),
        ("web: {hosts: {a: 5}}\n", "h.yml: web.hosts.a", "expected a mapping of variables"),
        ("web: {hosts: {10: }}\n", "h.yml: web.hosts", "found 10 as a host name"),
        ("web: {vars: [a]}\n", "h.yml: web.vars", "found a list of 1"),
        ("5: {hosts: {a: }}\n", "h.yml: 5", "found 5 as the name of a group"),
        ("'': \n", "h.yml: ", "found '' as the name of a group"),
        ("web: {hosts: {'': }}\n", "h.yml: web.hosts", "empty host name"),
        ("web: {hosts: {'a[3:1]': }}\n", "h.yml: web.hosts", "runs backwards"),
        ("a: {children: {b: {children: {a: }}}}\n", "h.yml: a.children.b", "would hold itself"),
        ("a: {children: {all: }}\n", "h.yml: a.children.all", "'all' holds every group"),
    ],
)
def test_errors_name_the_path_of_keys(text: str, where: str, message: str) -> None:
    """Ansible ignores a group that is no mapping."""
    with pytest.raises(InventoryError, match=message) as caught:
        load_inventory([write("h.yml", text)])
    assert caught.value.where.startswith(where)


def test_deeply_nested_groups() -> None:
    text = "".join(f"{' ' * 2 * n}g{n}:\n{' ' * (2 * n + 1)}children:\n" for n in range(120))
    assert len(load_inventory([write("h.yml", text)]).groups) == 122
    braces = "{g: {children: " * 2000
    with pytest.raises(InventoryError, match="nested too deeply"):
        load_inventory([write("h.yml", braces)])


def test_folder_rules(tmp_path: Path) -> None:
    write("inv/b.ini", "[web]\nb1\n")
    write("inv/a.yml", "web: {hosts: {a1: }}\n")
    write("inv/sub/c", "c1\n")
    for name in (".d", "e.txt", "f.orig", "g.cfg", "h.retry", "i~", "j.md", "k.bak", "l.swp"):
        write(f"inv/{name}", "[nonsense")
    inventory = load_inventory(["inv"])
    assert list(inventory.hosts) == ["a1", "b1", "c1"]
    assert inventory.hosts["b1"].source == "inv/b.ini:2"


def test_an_invalid_file_in_a_folder_is_an_error() -> None:
    """Ansible warns and continues without that file's hosts."""
    write("inv/a.ini", "a1\n")
    write("inv/b.ini", "[nonsense")
    with pytest.raises(InventoryError, match=r"inv/b\.ini:1"):
        load_inventory(["inv"])


def test_a_folder_without_inventories() -> None:
    write("inv/group_vars/all.yml", "a: 1\n")
    with pytest.raises(InventoryError, match="inv: holds no inventory"):
        load_inventory(["inv"])


def test_a_folder_that_holds_itself() -> None:
    write("inv/a.ini", "a1\n")
    Path("inv/loop").symlink_to("../inv")
    with pytest.raises(InventoryError, match="inv/loop: is a link to a folder that holds it"):
        load_inventory(["inv"])


def test_a_socket_in_a_folder() -> None:
    write("inv/a.ini", "a1\n")
    with socket.socket(socket.AF_UNIX) as one:
        one.bind("inv/socket")
        with pytest.raises(InventoryError, match="inv/socket: is no regular file"):
            load_inventory(["inv"])


def test_playbook_dir_can_be_none() -> None:
    write("group_vars/all.yml", "here: 1\n")
    source = write("inv/hosts", "web1\n")
    assert load_inventory([source]).hosts["web1"].variables == {"here": 1}
    assert load_inventory([source], playbook_dir=None).hosts["web1"].variables == {}
    # These are not the groups' own variables: `ansible-inventory --export` omits them too.
    assert load_inventory([source]).groups["all"].variables == {}


def test_fields_of_groups_and_hosts() -> None:
    source = write(
        "hosts.ini",
        "lone\n[web]\nw1 a=1\n[prod:children]\nweb\n[prod:vars]\nansible_group_priority=5\nx=1\n",
    )
    write("group_vars/web.yml", "y: 2\n")
    inventory = load_inventory([source])
    assert inventory.hosts["w1"].groups == ("prod", "web")
    assert inventory.hosts["lone"].groups == ()
    assert inventory.hosts["w1"].source == "hosts.ini:3"
    assert inventory.groups["all"].children == ("ungrouped", "prod")
    assert inventory.groups["prod"].variables == {"x": 1, "ansible_group_priority": 5}
    assert inventory.groups["web"].variables == {"y": 2}


def test_hosts_without_own_variables_share_one_mapping() -> None:
    source = write("hosts.ini", "[web]\nw[1:9]\nown v=1\n[web:vars]\na=1\n")
    hosts = load_inventory([source]).hosts
    assert hosts["w1"].variables is hosts["w9"].variables
    assert hosts["own"].variables == {"a": 1, "v": 1}


def test_notes_are_given_once() -> None:
    source = write("hosts.yml", "web: {hosts: {web: }, tag: {a: }}\n")
    assert load_inventory([source, source]).notes == (
        "hosts.yml:1: ignored 'tag' in the group 'web'; a group has hosts, vars and children only",
        "'web' is the name of a group and of a host; Ansible mixes them up",
    )


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("all:\n  host:\n    web1:\n", "hosts.yml:2: found 'host' in the group 'all'"),
        ("all:\n  hosts: {a: }\n  host: b\n", "hosts.yml:3: found 'host' in the group 'all'"),
        ("web:\n  chidren:\n    a: {hosts: {h: }}\n", "did you mean children?"),
        ("web:\n  hosts: {a: }\n  var: {ansible_port: 2222}\n", "hosts.yml:3: found 'var'"),
        (
            "all:\n  children:\n    web:\n      hosts: {a: }\n      db:\n        hosts: {b: }\n",
            "hosts.yml:5: found 'db' in the group 'web', expected hosts, vars or children; a group",
        ),
        ('{"all": {"host": {"web1": {}}}}', "hosts.yml:1: found 'host' in the group 'all'"),
    ],
)
def test_an_unknown_key_that_leaves_hosts_out_is_an_error_with_its_line(
    text: str, problem: str
) -> None:
    with pytest.raises(InventoryError) as caught:
        load_inventory([write("hosts.yml", text)])
    assert problem in str(caught.value)
    assert str(caught.value).startswith("hosts.yml:")


def test_a_variable_twice_in_the_inventory_counts_as_last_set_with_a_warning() -> None:
    inventory = load_inventory(
        [write("hosts.yml", "all:\n  hosts:\n    a: {x: 1, x: 2}\n  vars: {y: 1, y: 2}\n")]
    )
    assert inventory.hosts["a"].variables == {"x": 2, "y": 2}
    assert [note.partition(" appears")[0] for note in inventory.notes] == [
        "hosts.yml:3: key 'x'",
        "hosts.yml:4: key 'y'",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "all: {hosts: {a: }, hosts: {b: }}",
        "all: {hosts: {a: , a: }}",
        "all: {hosts: {a: {ansible_port: 1, ansible_port: 2}}}",
        "web: {children: {a: , a: }}",
        "web: {vars: {x: 1}, vars: {y: 1}}",
    ],
)
def test_a_key_twice_that_concerns_hosts_or_the_connection_is_an_error(text: str) -> None:
    with pytest.raises(InventoryError, match=r"hosts.yml:1: key '\w+' appears twice"):
        load_inventory([write("hosts.yml", text)])


@pytest.mark.parametrize("name", ["hosts.py", "hosts", "hosts.yml"])
def test_a_program_without_its_executable_bit_is_named_as_one(name: str) -> None:
    source = write(name, """#!/bin/sh\necho '{"web": ["a"]}'\n""")
    with pytest.raises(InventoryError, match=rf"if it is a program, .*\(chmod \+x {name}\)$"):
        load_inventory([source])


def test_a_program_that_reads_as_hosts_gives_a_warning() -> None:
    (note,) = load_inventory([write("hosts.sh", "#!/bin/sh\nprint-hosts\n")]).notes
    assert note == (
        "hosts.sh: read as text, though it begins with '#!': if it is a program, make it "
        "executable (chmod +x hosts.sh)"
    )
