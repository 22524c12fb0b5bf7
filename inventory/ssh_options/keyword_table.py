"""What each keyword of OpenSSH 9.2's ssh_config(5) does here; docs/ssh.md is made from it.

A keyword that is not in the table is refused by name: to ignore ``RevokedHostKeys``, for example,
would make a login less safe than the inventory describes it.
"""

from __future__ import annotations

from enum import StrEnum

from ...core.record import record

__all__ = ["KEYWORDS", "OTHER_KEYWORDS", "Effect", "Keyword"]


class Effect(StrEnum):
    """What becomes of a keyword."""

    HONOURED = "honoured"
    HARMLESS = "harmless"
    """Ignored; the login, the route and the command are the same with it."""
    LEFT_OUT = "left out"
    """Not supported; a note names it, and the login goes on with the methods that remain."""
    REFUSED = "refused"
    """The hosts that it concerns are not contacted."""


@record
class Keyword:
    """One keyword, spelled as in ssh_config(5)."""

    name: str
    effect: Effect
    reason: str
    """Why, or how far."""
    harmless: frozenset[str] = frozenset()
    """Values in lower case that change nothing, of a keyword otherwise refused or left out."""


_NO = frozenset({"no", "false"})
_NONE = frozenset({"none"})
_FORWARDING = "no port, socket, agent or display is forwarded"
_SHARING = "sockfleet shares the connections of its own bastions"
_TERMINAL = "the probe runs without a terminal and reads none of your input"
_LOGGING = "sockfleet has its own log"
_DYING = "sockfleet has its own timeouts and retries"
_LOOK_UP = "only used by CanonicalizeHostname"
_GSSAPI = "Kerberos logs in with the default settings of the library"

_HONOURED = {
    "AddressFamily": "",
    "BatchMode": "yes: no question is put about an unknown host key",
    "BindAddress": "",
    "CASignatureAlgorithms": "by the kind of the authority's key; an RSA key needs rsa-sha2-256 "
    "and rsa-sha2-512",
    "CertificateFile": "each usable one, with the key that it certifies",
    "Ciphers": "those that the transport has",
    "ConnectTimeout": "for the whole login",
    "GlobalKnownHostsFile": "",
    "GSSAPIAuthentication": "left out with a note where the transport or its package lacks it",
    "Host": "",
    "HostKeyAlgorithms": "those that the transport has; ssh-rsa (SHA-1) by asyncssh alone, with a "
    "warning",
    "HostKeyAlias": "",
    "Hostname": "",
    "IdentitiesOnly": "",
    "IdentityAgent": "",
    "IdentityFile": "each usable one; none too",
    "IgnoreUnknown": "",
    "Include": "",
    "KbdInteractiveAuthentication": "no: the prompts of a server are not answered",
    "KexAlgorithms": "those that the transport has",
    "MACs": "those that the transport has",
    "Match": "all, canonical, final, host, originalhost, user, localuser; exec is run in "
    "~/.ssh/config and the system's ssh_config, and refused in any other file for the hosts on "
    "which it decides",
    "PasswordAuthentication": "no: the password is not used, nor for the prompts of a server",
    "Port": "",
    "PreferredAuthentications": "the methods in the list, in its order",
    "ProxyCommand": "ssh -W as a jump; another command with --allow-proxy-command only",
    "ProxyJump": "",
    "PubkeyAcceptedAlgorithms": "those that the transport has, certificates by the algorithm of "
    "their key; ssh-rsa (SHA-1) by asyncssh alone, with a warning",
    "PubkeyAuthentication": "no: no key and no agent is used",
    "RequiredRSASize": "for host keys, authorities and key files",
    "StrictHostKeyChecking": "no and off as accept-new; ask as the scan's --host-keys",
    "User": "",
    "UserKnownHostsFile": "",
}
_HARMLESS = {
    "AddKeysToAgent": "no key is added to an agent",
    "CanonicalDomains": _LOOK_UP,
    "CanonicalizeFallbackLocal": _LOOK_UP,
    "CanonicalizeMaxDots": _LOOK_UP,
    "CanonicalizePermittedCNAMEs": _LOOK_UP,
    "CheckHostIP": "the key that known_hosts has for the name decides",
    "ClearAllForwardings": _FORWARDING,
    "Compression": "answers are short",
    "ConnectionAttempts": _DYING,
    "ControlMaster": _SHARING,
    "ControlPath": _SHARING,
    "ControlPersist": _SHARING,
    "DynamicForward": _FORWARDING,
    "EnableEscapeCommandline": _TERMINAL,
    "EnableSSHKeysign": "only used by HostbasedAuthentication",
    "EscapeChar": _TERMINAL,
    "ExitOnForwardFailure": _FORWARDING,
    "FingerprintHash": "messages show SHA256",
    "ForwardAgent": _FORWARDING,
    "ForwardX11": _FORWARDING,
    "ForwardX11Timeout": _FORWARDING,
    "ForwardX11Trusted": _FORWARDING,
    "GatewayPorts": _FORWARDING,
    "GSSAPIDelegateCredentials": "no credentials are delegated",
    "HashKnownHosts": "concerns how a new key is written",
    "IPQoS": "concerns the marks on packets",
    "LocalCommand": "only run with PermitLocalCommand",
    "LocalForward": _FORWARDING,
    "LogLevel": _LOGGING,
    "LogVerbose": _LOGGING,
    "NumberOfPasswordPrompts": "a refused password is not tried again",
    "PermitRemoteOpen": _FORWARDING,
    "RekeyLimit": "a session carries few bytes",
    "RemoteForward": _FORWARDING,
    "RequestTTY": _TERMINAL,
    "SendEnv": "the probe uses no variable",
    "ServerAliveCountMax": _DYING,
    "ServerAliveInterval": _DYING,
    "SetEnv": "the probe uses no variable",
    "StdinNull": _TERMINAL,
    "StreamLocalBindMask": _FORWARDING,
    "StreamLocalBindUnlink": _FORWARDING,
    "SyslogFacility": _LOGGING,
    "TCPKeepAlive": _DYING,
    "UpdateHostKeys": "known_hosts is written for accept-new only",
    "VisualHostKey": "messages show fingerprints",
    "XAuthLocation": _FORWARDING,
}
_LEFT_OUT = {
    "GSSAPIClientIdentity": (_GSSAPI, frozenset[str]()),
    "GSSAPIKexAlgorithms": ("there is no key exchange by GSSAPI", frozenset[str]()),
    "GSSAPIKeyExchange": ("there is no key exchange by GSSAPI", _NO),
    "GSSAPIRenewalForcesRekey": ("there is no key exchange by GSSAPI", _NO),
    "GSSAPIServerIdentity": (_GSSAPI, frozenset[str]()),
    "GSSAPITrustDns": (_GSSAPI, _NO),
    "HostbasedAcceptedAlgorithms": ("there is no login by the host's key", frozenset[str]()),
    "HostbasedAuthentication": ("there is no login by the host's key", _NO),
    "KbdInteractiveDevices": ("the server chooses whose prompts it sends", frozenset[str]()),
}
_REFUSED = {
    "BindInterface": ("no login is bound to an interface; BindAddress is honoured", None),
    "CanonicalizeHostname": ("names are not looked up to find other names", _NO | _NONE),
    "ForkAfterAuthentication": ("a login stays in its process", _NO),
    "KnownHostsCommand": ("no command is run to find host keys", _NONE),
    "NoHostAuthenticationForLocalhost": ("the key of every host is checked", _NO),
    "PermitLocalCommand": ("no local command is run", _NO),
    "PKCS11Provider": ("no library is loaded for keys; an agent can hold them", _NONE),
    "ProxyUseFdpass": ("a proxy command passes no socket", _NO),
    "RemoteCommand": ("the command is the probe", _NONE),
    "RevokedHostKeys": ("ignoring it could trust a revoked key; known_hosts has @revoked", _NONE),
    "SecurityKeyProvider": ("no library is loaded for keys", frozenset({"internal"})),
    "SessionType": ("the session runs the probe", frozenset({"default"})),
    "Tunnel": ("no network device is made", _NO),
    "TunnelDevice": ("no network device is made", frozenset({"any:any", "any"})),
    "VerifyHostKeyDNS": ("host keys come from known_hosts", _NO),
}

KEYWORDS = {
    keyword.name.lower(): keyword
    for keyword in (
        *(Keyword(name=n, effect=Effect.HONOURED, reason=r) for n, r in _HONOURED.items()),
        *(Keyword(name=n, effect=Effect.HARMLESS, reason=r) for n, r in _HARMLESS.items()),
        *(
            Keyword(name=n, effect=Effect.LEFT_OUT, reason=r, harmless=values)
            for n, (r, values) in _LEFT_OUT.items()
        ),
        *(
            Keyword(name=n, effect=Effect.REFUSED, reason=r, harmless=values or frozenset())
            for n, (r, values) in _REFUSED.items()
        ),
    )
}
"""By the name in lower case, as ssh ignores case."""

OTHER_KEYWORDS = frozenset(
    {
        "channeltimeout",
        "cipher",
        "fallbacktorsh",
        "obscurekeystroketiming",
        "protocol",
        "rhostsrsaauthentication",
        "rsaauthentication",
        "usekeychain",
        "useprivilegedport",
        "useroaming",
        "versionaddendum",
        "warnweakcrypto",
    }
)
"""Harmless keywords of older and newer OpenSSH, and of Apple's."""
