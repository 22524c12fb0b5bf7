"""Hypothesis strategies for inventory files, which sockfleet and Ansible both read.

Names come from small pools, so that groups and hosts repeat. Children come later in the pool than
their parents, so that no group contains itself. Two cases are excluded, because Ansible handles
them inconsistently: a host with the name of a group, and children of ``ungrouped``.
"""

from __future__ import annotations

from typing import Any

import yaml
from hypothesis import strategies as st

GROUPS = ("all", "ungrouped", "g1", "g2", "g-3", "g.4", "g5")
CHILDREN = GROUPS[1:]
HOSTS = ("h1", "h2", "h3.example", "h[1:3]", "n[08:10:2]", "l[a:c]", "p:2222", "10.0.0.1", "::1")
NAMES = ("v", "w", "ansible_host", "ansible_port", "role_name")

Files = dict[str, str]

names = st.sampled_from(NAMES)
scalars = st.one_of(
    st.integers(-9, 10**6),
    st.booleans(),
    st.none(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.dates(),
    st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=6),
    st.sampled_from(["yes", "010", "1:30", "1e3", "{{ x }}", "a b", "0x1f", "~", "true", ""]),
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=4,
)
variables = st.dictionaries(names, values, max_size=3)

literals = st.one_of(
    values.map(repr),
    st.text("abz019.-+_/:,(){}[]'\"=#\\ eExXTrueNon", max_size=10),
    st.sampled_from(
        ["True", "None", "0777", "1_0", "1,2", "b'x'", "1+2j", "...", "set()", "'a' 'b'"]
    ),
)


@st.composite
def ini(draw: st.DrawFn) -> str:
    """An INI inventory; where Ansible refuses it for an odd value, sockfleet must too."""
    lines: list[str] = []
    declared = draw(st.lists(st.sampled_from(GROUPS), unique=True, min_size=1))
    lines += [_host_line(draw) for _ in range(draw(st.integers(0, 2)))]
    sections = [(name, "hosts") for name in declared]
    sections += [(name, kind) for name in declared for kind in ("children", "vars", "hosts")]
    wanted = draw(st.permutations(sections))
    for name, kind in wanted[: draw(st.integers(len(declared), len(wanted)))]:
        lines.append(f"[{name}]" if kind == "hosts" else f"[{name}:{kind}]")
        for _ in range(draw(st.integers(0, 3))):
            if kind == "hosts":
                lines.append(_host_line(draw))
            elif kind == "vars":
                lines.append(f"{draw(names)}={draw(literals)}".replace("\n", " "))
            else:
                later = [one for one in declared if GROUPS.index(one) > GROUPS.index(name)]
                later = [] if name == "ungrouped" else later
                lines += [draw(st.sampled_from(later))] if later else []
    lines += [f"[{name}]" for name in declared]
    if draw(st.booleans()):
        lines += [f"[{declared[-1]}:vars]", f"ansible_group_priority={draw(st.integers(-2, 9))}"]
    return "\n".join(lines) + "\n"


def _host_line(draw: st.DrawFn) -> str:
    words = [draw(st.sampled_from(HOSTS))]
    for _ in range(draw(st.integers(0, 2))):
        quote = draw(st.sampled_from(["", "'", '"']))
        value = draw(literals).replace("\n", " ")
        if quote:
            value = value.replace(quote, "").replace("\\", "/")
        words.append(f"{draw(names)}={quote}{value}{quote}")
    return " ".join(words)


@st.composite
def group(draw: st.DrawFn, name: str, depth: int = 3) -> dict[str, Any] | None:
    """The body of a YAML group whose children come later in the pool than itself."""
    first = 0 if name == "all" else CHILDREN.index(name) + 1
    body: dict[str, Any] = {}
    if draw(st.booleans()):
        hosts = st.dictionaries(st.sampled_from(HOSTS), st.none() | variables, max_size=3)
        body["hosts"] = draw(hosts | st.none() | st.sampled_from(HOSTS))
    if draw(st.booleans()):
        body["vars"] = draw(variables | st.none())
        if body["vars"] and draw(st.booleans()):
            body["vars"]["ansible_group_priority"] = draw(st.integers(-2, 9))
    if depth and name != "ungrouped" and draw(st.booleans()):
        later = CHILDREN[first:]
        chosen = draw(st.lists(st.sampled_from(later), unique=True, max_size=3)) if later else []
        body["children"] = {child: draw(group(child, depth - 1)) for child in chosen}
    return draw(st.permutations(list(body.items())).map(dict)) or None


@st.composite
def yaml_inventory(draw: st.DrawFn) -> str:
    top = draw(st.lists(st.sampled_from(("all", *CHILDREN)), unique=True, min_size=1, max_size=4))
    data = {name: draw(group(name)) for name in top}
    return yaml.safe_dump(data, sort_keys=False, allow_unicode=True)


@st.composite
def project(draw: st.DrawFn) -> tuple[Files, list[str]]:
    """Files by path, and the sources: inventories, files of variables, a folder."""
    files: Files = {}
    sources: list[str] = []
    for number in range(draw(st.integers(1, 2))):
        folder = draw(st.sampled_from(("", "inv/", f"inv{number}/")))
        kind = draw(st.sampled_from(("ini", "yml")))
        path = f"{folder}hosts{number}.{kind}"
        files[path] = draw(ini() if kind == "ini" else yaml_inventory())
        sources.append("inv" if folder == "inv/" and draw(st.booleans()) else path)
        for _ in range(draw(st.integers(0, 3))):
            where = draw(st.sampled_from(("group_vars", "host_vars")))
            name = draw(st.sampled_from((*GROUPS, "h1", "h2", "n08")))
            suffix = draw(st.sampled_from((".yml", "", "/a.yml", "/b", ".yaml", ".json")))
            if any(one.startswith(f"{folder}{where}/{name}") for one in files):
                continue
            files[f"{folder}{where}/{name}{suffix}"] = yaml.safe_dump(draw(variables))
    if draw(st.booleans()):
        sources.insert(draw(st.integers(0, len(sources))), "h1,extra1:22, h2")
    return files, sources
