"""The table of the processes that hold closed sockets."""

from dataclasses import replace

from sockfleet.aggregator.fleet import summarize_fleet
from sockfleet.collector.probe.containers import Container
from sockfleet.collector.probe.processes import Process, Processes
from sockfleet.output.formats import RenderOptions
from sockfleet.output.text.holders import holder_lines
from sockfleet.output.text.style import TextStyle
from sockfleet.output.text.table import FORMAT
from tests.support.fleet.sample_fleet import reading, scan, summaries

PHP = Process(pid=123, command="php-fpm", user="www-data", tcp_close=70)
JAVA = Process(
    pid=9,
    command="java",
    user="1000",
    tcp_close=20,
    container=Container(runtime="docker", id="ab" * 32),
)


def shown(*found, most=None, **options):
    hosts = summaries(*(reading(f"web{n}", processes=one) for n, one in enumerate(found, 1)))
    return "\n".join(holder_lines(hosts, TextStyle(RenderOptions(**options)), most=most))


def test_most_first_with_user_and_container():
    text = shown(Processes(seen=(PHP, JAVA), exact=True, tool="python3"))
    rows = text.splitlines()
    assert rows[0] == "Who holds the closed sockets:"
    assert rows[2].split() == ["123", "70", "php-fpm", "www-data"]
    assert rows[3].split() == ["9", "20", "java", "1000", "docker", "abababababab"]
    assert rows[4].startswith("10 closed sockets have no visible holder")


def test_open_files_stand_beside_their_limit():
    full = replace(PHP, open_files=1000, open_files_limit=1024)
    unlimited = replace(JAVA, open_files=50)
    rows = shown(Processes(seen=(full, unlimited), exact=True)).splitlines()
    assert "OPEN FILES" in rows[1]
    assert "1000 of 1024" in rows[2]
    assert rows[3].split()[2] == "50"


def test_several_hosts_are_named():
    one = Processes(seen=(PHP,), exact=True)
    rows = shown(one, one).splitlines()
    assert [row.split()[0] for row in rows[1:4]] == ["HOST", "web1", "web2"]


def test_remarks_name_what_may_be_missing():
    text = shown(
        Processes(
            seen=(PHP,), exact=False, denied=3, partial=True, rest_processes=2, rest_tcp_close=5
        )
    )
    assert "… and 2 more, with fewer." in text
    assert "25 closed sockets" in text
    assert "--become" in text
    assert "python3, perl, getfattr nor lsof" in text
    assert "in time" in text


def test_a_bound_is_marked_and_the_list_is_cut():
    many = tuple(Process(pid=n, tcp_close=n, bound=True) for n in range(1, 31))
    text = shown(Processes(seen=many, exact=True), most=3)
    assert "≤30" in text
    assert "≤27" not in text
    assert "… and 27 more" in text


def test_without_processes_there_are_no_lines():
    assert shown(None) == ""


def test_the_table_of_a_scan_has_them_and_no_markup_is_interpreted():
    evil = Process(pid=1, command="[red]x[/red]", tcp_close=100)
    hosts = summaries(reading("web1", processes=Processes(seen=(evil,), exact=True)))
    text = FORMAT.render(summarize_fleet(hosts, scan()), RenderOptions(width=80)).decode()
    assert "[red]x[/red]" in text
    assert max(map(len, text.splitlines())) <= 80
