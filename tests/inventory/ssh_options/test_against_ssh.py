"""Trees of ssh_config files, read by us and by ``ssh -G``: the same login for each host."""

from __future__ import annotations

import getpass
import os
import pwd
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sockfleet.collector.ssh.algorithms import choose_algorithms
from sockfleet.inventory.models import Secret
from sockfleet.inventory.ssh_options.keywords import IgnoredOptions
from sockfleet.inventory.ssh_options.login import Credentials, Login, LoginResolver
from tests.support.ssh.ssh_reference import as_ssh_shows, effective_options, list_missed

Tree = dict[str, str]

DEBIAN = """
# This is the ssh client system-wide configuration file.
Include {tree}/ssh_config.d/*.conf

Host *
#   ForwardAgent no
    SendEnv LANG LC_*
    HashKnownHosts yes
    GSSAPIAuthentication yes
"""
REDHAT = """
Match final all
    Include {tree}/backend.config
    GSSAPIAuthentication yes
    ForwardX11Trusted yes
    SendEnv LANG LC_CTYPE LC_NUMERIC
"""
BACKEND = """
Ciphers aes256-gcm@openssh.com,aes256-ctr,aes128-gcm@openssh.com,aes128-ctr
MACs hmac-sha2-256-etm@openssh.com,hmac-sha2-256
GSSAPIKeyExchange no
KexAlgorithms curve25519-sha256,ecdh-sha2-nistp256
HostKeyAlgorithms ecdsa-sha2-nistp256,ssh-ed25519,rsa-sha2-256
PubkeyAcceptedAlgorithms ecdsa-sha2-nistp256,ssh-ed25519,rsa-sha2-256
CASignatureAlgorithms ecdsa-sha2-nistp256,ssh-ed25519
RequiredRSASize 2048
"""
WORKSTATION = """
IgnoreUnknown UseKeychain,AddKeysToAgentX
UseKeychain yes
Include {tree}/office/*
Host github.com gitlab.*
    User git
    IdentitiesOnly yes
    IdentityFile ~/.ssh/github
Host bastion
    HostName 203.0.113.7
    User jump
    Port 2222
    ControlMaster auto
    ControlPath ~/.ssh/cm-%C
    ControlPersist 10m
Host web* !web-old* db?.internal
    ProxyJump bastion
    User deploy
    StrictHostKeyChecking accept-new
Host farm?
    ProxyJump me@bastion:2201,gate2
    HostKeyAlias farm
    BindAddress 127.0.0.1
    CertificateFile /etc/ssh/farm-cert.pub
Match host *.internal user deploy
    IdentityFile ${{HOME}}/.ssh/deploy
    IdentityFile ~/.ssh/deploy-%r
Match originalhost web-old*
    KexAlgorithms +diffie-hellman-group14-sha1
    HostName %h.legacy.example
    PreferredAuthentications password,keyboard-interactive
    PubkeyAuthentication no
Match host nothing-here exec "nc -z -w1 10.0.0.1 22"
    ProxyJump none
Host *
    ServerAliveInterval 30
    ConnectTimeout 10s
    IdentityFile ~/.ssh/id_ed25519
    UserKnownHostsFile ~/.ssh/known_hosts ~/.ssh/known_hosts.d/%k
"""
TREES: dict[str, Tree] = {
    "debian": {
        "config": DEBIAN,
        "ssh_config.d/10-site.conf": "Host web*\n  User site\n  Port 2200\n",
        "ssh_config.d/.20-old.conf": "User hidden\nHostName 10.9.9.9\n",
        "ssh_config.d/README": "not read\n",
        "ssh_config.d/sub.conf/x": "User nobody\n",
    },
    "red hat": {"config": REDHAT, "backend.config": BACKEND},
    "workstation": {
        "config": WORKSTATION,
        "office/a": "# caf\udce9\nHost db1.internal\n  Port 5022\n",
        "office/.DS_Store": "\0\0",
    },
}
ALIASES = ["farm1", "web1", "web-old2", "db1.internal", "github.com", "bastion", "10.0.0.1"]


@pytest.fixture(autouse=True)
def ssh_home(monkeypatch: pytest.MonkeyPatch) -> None:
    """ssh takes the home folder of the account, not of the environment."""
    monkeypatch.setenv("HOME", pwd.getpwuid(os.getuid()).pw_dir)


def write(tree: Tree, folder: Path) -> Path:
    for name, text in tree.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.format(tree=folder), errors="surrogateescape")
    return folder / "config"


def resolve(config: Path, alias: str) -> Login:
    resolver = LoginResolver(
        hop_credentials=Credentials(), allow_proxy_command=True, ignored=IgnoredOptions()
    )
    given_here = Credentials(agent="/agent", password=Secret("x"))
    return resolver.resolve(alias, [], given_here, config_file=str(config))


def methods_of(theirs: dict[str, list[str]]) -> list[str]:
    """The methods that ssh would use, in its order where the file names one."""
    has_password = theirs["passwordauthentication"] != ["no"]
    on = {
        "gssapi-with-mic": theirs["gssapiauthentication"] != ["no"],
        "publickey": theirs["pubkeyauthentication"] != ["false"],
        "password": has_password,
        # Ours is stricter: without PasswordAuthentication the password answers no prompt either.
        "keyboard-interactive": has_password and theirs["kbdinteractiveauthentication"] != ["no"],
    }
    listed = theirs.get("preferredauthentications")
    names = listed[0].split(",") if listed else list(on)
    return [name for name in names if on.get(name)]


def assert_same_login(config: Path, alias: str) -> None:
    found = resolve(config, alias)
    theirs = effective_options(["-F", str(config), alias])
    ssh, ours = found.ssh, as_ssh_shows(found)
    # Which keys and methods are used is compared below.
    assert list_missed(found, theirs) <= {"identityfile", "gssapiauthentication"}
    methods = methods_of(theirs)
    assert ssh.gssapi == ("gssapi-with-mic" in methods)
    assert bool(ssh.agent) == ("publickey" in methods)
    assert bool(ssh.password) == bool({"password", "keyboard-interactive"} & set(methods))
    if ssh.login_methods:
        usable = [m for m in ssh.login_methods if m != "gssapi-with-mic" or ssh.gssapi]
        assert (usable or ["none"]) == (methods or ["none"])
    else:
        assert {"password", "keyboard-interactive"} <= set(methods)
        assert "preferredauthentications" not in theirs
    identities = ours.pop("identityfile", [])
    if "publickey" in methods and ssh.identity_files is not None:
        # ssh -G shows names as written, and a file again that another spelling names.
        shown = [f for f in theirs["identityfile"] if f.lower() != "none"]
        home = os.environ["HOME"]
        spelled = [
            f.replace("${HOME}", home).replace("~", home).replace("%r", theirs["user"][0])
            for f in shown
        ]
        assert identities == list(dict.fromkeys(spelled))
    elif ssh.identity_files is None:
        assert all(Path(f).name.startswith("id_") for f in theirs["identityfile"])
    ours.pop("gssapiauthentication")
    lists = (
        *("kexalgorithms", "ciphers", "macs", "hostkeyalgorithms", "pubkeyacceptedalgorithms"),
        "casignaturealgorithms",
    )
    for keyword in lists:
        if ours.get(keyword, [""])[0][:1] in {"+", "-", "^"}:
            changed = ours.pop(keyword)[0].split(",")
            assert apply_to_defaults(keyword, changed) == theirs[keyword][0].split(",")
    assert ours == {keyword: theirs[keyword] for keyword in ours}
    files = [*theirs["userknownhostsfile"], *theirs["globalknownhostsfile"]]
    if ssh.known_hosts_files is not None:
        files = [names for names in files if names != "none"]
        assert " ".join(ssh.known_hosts_files) == " ".join(files).replace("~", os.environ["HOME"])
    else:
        defaults = effective_options(["-F", "none", alias])
        assert files == [*defaults["userknownhostsfile"], *defaults["globalknownhostsfile"]]
    assert_same_jumps(config, theirs.get("proxyjump", ["none"])[0], found)


def apply_to_defaults(keyword: str, changed: Sequence[str]) -> list[str]:
    """Our reading of a list with a sign, on ssh's default list."""
    policy = effective_options(["-F", "none", "web1"])[keyword][0].split(",")
    every_name = {*policy, changed[0][1:], *changed[1:]}
    return list(choose_algorithms(keyword, changed, policy, every_name))


def assert_same_jumps(config: Path, listed: str, found: Login) -> None:
    names = [] if listed == "none" else listed.split(",")
    assert len(found.ssh.jumps) == len(names)
    for hop, name in zip(found.ssh.jumps, names, strict=True):
        theirs = effective_options(["-F", str(config), f"ssh://{name}"])
        assert ([hop.address], [str(hop.port)]) == (theirs["hostname"], theirs["port"])
        assert (hop.ssh.user or getpass.getuser()) == theirs["user"][0]


@pytest.mark.parametrize("alias", ALIASES)
@pytest.mark.parametrize("name", TREES)
def test_files_as_people_have_them_give_the_login_of_ssh(
    name: str, alias: str, tmp_path: Path
) -> None:
    assert_same_login(write(TREES[name], tmp_path), alias)


HEADERS = st.sampled_from(
    [
        *("Host web1", "Host web*", "Host *", "Host !web1 *", "Host web2 web1", "Host=db?"),
        *("Match all", "Match host web1", "Match !host=web*", "Match host *.x,10.*"),
        *("Match originalhost web1 user u1", "Match user u*,!u2", "Match final host=web1"),
        *("Match !final user u2", "Match canonical all", 'Match host other exec "false"'),
    ]
)
LINES = st.sampled_from(
    [
        *("Port 1", "Port=2", "User u1", 'User "u2"', "HostName 10.0.0.1", "HostName %h.x"),
        *("IdentityFile /a", "IdentityFile ${{HOME}}/%r", "IdentityFile none", "ProxyJump gate:7"),
        *("ProxyJump none", "ProxyCommand none", "UserKnownHostsFile /k/%k ~/k", "HostKeyAlias al"),
        *("UserKnownHostsFile none", "GlobalKnownHostsFile /g", "Ciphers aes128-ctr,aes256-ctr"),
        *("KexAlgorithms curve25519-sha256", "MACs +hmac-sha1", "HostKeyAlgorithms ssh-ed25519"),
        *("PubkeyAcceptedAlgorithms +ssh-rsa", "PubkeyAcceptedKeyTypes ssh-ed25519"),
        *("PubkeyAuthentication no", "PasswordAuthentication no", "GSSAPIAuthentication yes"),
        *("PreferredAuthentications password", "PreferredAuthentications publickey,hostbased"),
        *("KbdInteractiveAuthentication no", "PreferredAuthentications password,publickey"),
        *("PubkeyAuthentication yes", "IdentitiesOnly yes", "ConnectTimeout 3", "Compression yes"),
        *("Ciphers ^aes256-ctr,aes128-cbc", "MACs -hmac-sha1*,umac-64*", "CertificateFile /c/k"),
        *("KexAlgorithms +diffie-hellman-group1-sha1,curve25519-sha256", "RequiredRSASize 3072"),
        *("HostKeyAlgorithms ^ssh-rsa,rsa-sha2-256", "CASignatureAlgorithms -rsa*"),
        *("ProxyJump u3@gate,gate2:8", "ProxyJump ssh://gate2", "BindAddress ::1"),
        *("StrictHostKeyChecking yes", "PreferredAuthentications keyboard-interactive,password"),
        *("Include {tree}/*.part", "Include {tree}/inner", "# a comment", "AddressFamily inet6"),
    ]
)
GATE = ("Host gate gate2", ["ProxyJump none"])
# In half of the files many lines apply whatever the headers select, so that each line is tried.
FOR_ALL = st.just([]) | st.lists(LINES, min_size=6, max_size=14, unique=True)
BLOCKS = st.lists(st.tuples(HEADERS, st.lists(LINES, max_size=4)), max_size=5)
FILE = st.builds(
    # Without their own line the jump hosts would need themselves.
    lambda for_all, blocks: "\n".join(
        "\n  ".join([header, *lines]) for header, lines in [GATE, ("Host *", for_all), *blocks]
    ),
    FOR_ALL,
    BLOCKS,
)
LEAF = st.lists(LINES.filter(lambda line: "Include" not in line), max_size=4).map("\n".join)


@given(
    tree=st.fixed_dictionaries(
        {"config": FILE, "one.part": LEAF, ".two.part": LEAF, "inner": LEAF, "three.part/x": LEAF}
    ),
    alias=st.sampled_from(["web1", "web2", "db1"]),
)
@settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_tree_gives_the_login_of_ssh(tree: Tree, alias: str, tmp_path: Path) -> None:
    assert_same_login(write(tree, tmp_path), alias)
