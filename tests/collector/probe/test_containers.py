"""Containers by the cgroup of a process, in the formats of each runtime."""

import pytest

from sockfleet.collector.probe.containers import Container, container_of

ID = "0123456789abcdef" * 4
POD = "1b4e28ba-2fa1-11d2-883f-0016d3cca427"
POD_ = POD.replace("-", "_")


@pytest.mark.parametrize(
    ("line", "runtime", "identity", "pod"),
    [
        (f"0::/system.slice/docker-{ID}.scope", "docker", ID, None),
        (f"4:memory:/docker/{ID}", "docker", ID, None),
        (f"0::/docker/{ID}/init", "docker", ID, None),
        (
            f"0::/kubepods.slice/kubepods-burstable-pod{POD_}.slice/cri-containerd-{ID}.scope",
            "containerd",
            ID,
            POD,
        ),
        (f"5:pids:/kubepods/besteffort/pod{POD}/{ID}", "kubernetes", ID, POD),
        (
            f"0::/kubepods.slice/kubepods-pod{POD_}.slice/crio-{ID}.scope",
            "cri-o",
            ID,
            POD,
        ),
        (f"0::/kubepods.slice/pod{POD}/docker-{ID}.scope", "docker", ID, POD),
        (
            f"0::/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-{ID}.scope/container",
            "podman",
            ID,
            None,
        ),
        ("0::/machine.slice/systemd-nspawn@web.service/payload", "systemd-nspawn", "web", None),
        (r"0::/machine.slice/machine-web\x2d1.scope", "machine", "web-1", None),
        ("0::/lxc.payload.web1/init.scope", "lxc", "web1", None),
        ("9:name=systemd:/lxc/web1", "lxc", "web1", None),
        (f"0::/lxc.payload.web1/system.slice/docker-{ID}.scope", "docker", ID, None),
    ],
)
def test_the_cgroup_names_the_container(line, runtime, identity, pod):
    assert container_of([line]) == Container(runtime=runtime, id=identity, pod_uid=pod)


@pytest.mark.parametrize(
    "line",
    [
        "0::/",
        "0::/init.scope",
        "0::/system.slice/sshd.service",
        "1:name=systemd:/user.slice",
        f"0::/system.slice/x-{ID}.scope",
        "",
        "garbage",
        "0::/docker/short",
    ],
)
def test_a_process_of_the_host_is_in_no_container(line):
    assert container_of([line]) is None


def test_the_first_line_that_names_a_container_counts():
    lines = ["9:name=systemd:/", "8:pids:/", f"0::/docker/{ID}"]
    assert container_of(lines) == Container(runtime="docker", id=ID)
