"""Templates in connection variables: their values, and what a hostile one can do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sockfleet.inventory.connection.resolve import check_hosts
from sockfleet.inventory.connection.template_process import TemplateEnvironment, evaluate
from sockfleet.inventory.connection.templates import is_template
from sockfleet.inventory.models import LiteralText
from sockfleet.inventory.sources.yaml_text import parse_yaml
from tests.support.fleet.resolved_hosts import NOTHING, fault, inventory, one


def test_address_user_port_and_key_file_of_templates() -> None:
    variables = {
        "ansible_host": "{{ inventory_hostname_short }}.{{ domain }}",
        "ansible_user": "{{ site }}-scan",
        "ansible_port": "{{ base_port + 2 }}",
        "ansible_private_key_file": "/keys/{{ group_names | first }}",
        "ansible_connection": "{{ 'ssh' }}",
        "domain": "{{ site }}.example",
        "site": "ber",
        "base_port": 2220,
    }
    host = one(variables, name="web1.old.example")
    assert (host.address, host.port) == ("web1.ber.example", 2222)
    assert host.ssh.user == "ber-scan"
    assert host.ssh.identity_files == ("/keys/ungrouped",)


def test_a_value_that_is_no_address_is_refused_after_evaluation() -> None:
    assert "'-oProxyCommand=x' is no host name" in fault(
        {"ansible_host": "{{ '-' }}oProxyCommand=x"}
    )


@pytest.mark.parametrize(
    ("template", "problem"),
    [
        ("{{ missing }}", "'missing' is undefined"),
        ("{{ lookup('env', 'HOME') }}", "lookups of Ansible are not evaluated here: write the"),
        ("{{ query('pipe', 'id') }}", "lookups of Ansible are not evaluated here"),
        ("{{ 'x' | b64encode }}", "No filter named 'b64encode' in Jinja2; those of Ansible are"),
        ("{{ 'x' is match('x') }}", "No test named 'match' in Jinja2"),
        ("{{ hostvars['a'].x }}", "'hostvars' of Ansible is not provided here"),
        ("{{ groups['web'][0] }}", "'groups' of Ansible is not provided here"),
        # Functions of Jinja2 that are no part of a value.
        ("{{ lipsum() }}", "'lipsum' is undefined"),
        ("{{ cycler('a').next() }}", "'cycler' is undefined"),
        ("{{ namespace(a=1).a }}", "'namespace' is undefined"),
        ("{{ ansible_user }}", "it refers to itself"),
        ("{{ a", "unexpected end of template"),
        ("{% include '/etc/passwd' %}", "TypeError"),
    ],
)
def test_a_template_without_a_value_is_an_error_that_names_the_reason(
    template: str, problem: str
) -> None:
    text = fault({"ansible_user": template})
    assert f"ansible_user: the template {template!r} is not resolved" in text
    assert problem in text


def test_a_secret_stays_out_of_the_error_of_a_template() -> None:
    variables = {"ansible_password": "{{ {}[db_pass] }}", "db_pass": "s3cret"}
    assert "s3cret" not in fault(variables)
    assert fault({"ansible_password": "{{ nope }}"}).endswith(
        "ansible_password: the template is not resolved: 'nope' is undefined"
    )


def test_the_variables_of_other_hosts_are_out_of_reach() -> None:
    hosts = {
        "a": {"ansible_user": "{{ secret }}"},
        "b": {"secret": "x", "ansible_user": "{{ secret }}"},
    }
    found, _, faults = check_hosts(inventory(hosts), ["a", "b"], NOTHING)
    assert [host.ssh.user for host in found] == ["x"]
    assert [one_fault.host for one_fault in faults] == ["a"]


@pytest.mark.parametrize("text", ['p: !unsafe "{{ x }}"', '{"p": {"__ansible_unsafe": "{{ x }}"}}'])
def test_an_unsafe_text_is_no_template(text: str) -> None:
    value = parse_yaml(text, "f")
    assert isinstance(value, dict)
    assert not is_template(value["p"])
    host = one({"ansible_password": value["p"]})
    assert host.ssh.password is not None
    assert host.ssh.password.reveal() == "{{ x }}"
    # Nor where another template uses it.
    used = one({"ansible_password": "<{{ p }}>", "p": value["p"]})
    assert used.ssh.password is not None
    assert used.ssh.password.reveal() == "<{{ x }}>"


HOSTILE = {
    "endless": "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
    "power": "{{ 10 ** (10 ** 10) }}",
    "memory": "{{ 'a' * 10 ** 9 }}",
    "width": "{{ '%1000000000d' % 1 }}",
    "format": "{{ '{:>1000000000}'.format(1) }}",
    "center": "{{ 'a' | center(10 ** 9) }}",
    "range": "{{ range(10 ** 9) | list }}",
    "long": "{{ 'a' * 10 ** 6 }}",
    "recursion": "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "brackets": "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}",
    "internals": "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "format_internals": "{{ '{0.__class__.__init__.__globals__}'.format(inventory_hostname) }}",
    "attr": "{{ inventory_hostname | attr('__class__') }}",
    "cycler": "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
    "self": "{{ self.__init__.__globals__ }}",
}


def test_hostile_templates_end_in_errors_and_harm_no_other_host() -> None:
    hosts: dict[str, dict[str, Any]] = {
        name: {"ansible_host": template} for name, template in HOSTILE.items()
    }
    good = [{f"good{n}": {"ansible_host": "10.0.0.{{ n }}", "n": n}} for n in (1, 2)]
    fleet = good[0] | hosts | good[1]
    found, _, faults = check_hosts(inventory(fleet), list(fleet), NOTHING)
    assert [host.address for host in found] == ["10.0.0.1", "10.0.0.2"]
    assert [one_fault.host for one_fault in faults] == list(HOSTILE)
    for one_fault in faults:
        assert "ansible_host: the template" in one_fault.problem
        assert len(one_fault.problem) < 700


@pytest.mark.parametrize(
    ("template", "problem"),
    [
        (
            "{{ ''.__class__.__name__ }}",
            "access to attribute '__class__' of 'str'",
        ),
        ("{{ ''['__class__'].__name__ }}", "access to attribute '__class__' of 'str'"),
        ("{{ ('' | attr('__class__')).__name__ }}", "access to attribute '__class__' of 'str'"),
        ("{{ dict.__base__.__name__ }}", "access to attribute '__base__' of 'type' object"),
        ("{{ '{0.__class__.__name__}'.format(1) }}", "access to attribute '__class__' of 'int'"),
        ("{{ self.__init__.__name__ }}", "access to attribute '__init__' of 'TemplateReference'"),
        ("{{ users.append('root') }}{{ users[1] }}", "access to attribute 'append' of 'list'"),
        ("{{ range(10 ** 6) | length }}", "Range too big"),
    ],
)
def test_the_internals_of_python_are_out_of_reach(template: str, problem: str) -> None:
    assert problem in fault({"ansible_user": template, "users": ["me"]})


def test_a_template_runs_no_program(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    template = (
        "{% for c in ''.__class__.__mro__[1].__subclasses__() if c.__name__ == '_wrap_close' %}"
        f"{{{{ c.__init__.__globals__['popen']('touch {trace}').read() }}}}{{% endfor %}}"
    )
    assert "is unsafe" in fault({"ansible_user": template})
    assert not trace.exists()


def test_many_hostile_templates_take_the_time_of_three() -> None:
    hosts = {f"h{n}": {"ansible_host": HOSTILE["endless"]} for n in range(50)}
    _, _, faults = check_hosts(inventory(hosts), list(hosts), NOTHING)
    assert len(faults) == 50
    assert "it takes too much time or memory" in faults[2].problem
    assert "not evaluated, as 3 others took too much time or memory" in faults[3].problem


def test_aliases_of_aliases_in_a_template_end_in_an_error() -> None:
    lines = ["a0: &a0 [x, x]"] + [f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 60)]
    variables = parse_yaml("\n".join(lines), "f")
    assert isinstance(variables, dict)
    assert "takes too much" in fault({**variables, "ansible_user": "{{ a59 }}"})


def test_a_module_of_the_current_folder_is_not_imported(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "jinja2.py").write_text("raise SystemExit('imported')")
    monkeypatch.chdir(tmp_path)
    assert one({"ansible_host": "{{ 'a' }}"}).address == "a"


def test_a_literal_text_in_a_list_stays_as_it_is() -> None:
    variables = {"v": "{{ all }}", "all": ["{{ n }}", LiteralText("{{ n }}")], "n": 1}
    assert evaluate(TemplateEnvironment(), "v", variables) == {"value": [1, "{{ n }}"]}
