"""Launching: what the program finds itself in, its filter from the first call on, what is said when it fails."""

import os
import subprocess
from pathlib import Path

import pytest

from faultbox.world import LaunchError

pytestmark = pytest.mark.root

OF_THE_C_LIBRARY = 1 << 31 | 1 << 32
"""Signals 32 and 33 are glibc's own; what its posix_spawn starts, make's commands for one, ignores them."""


def test_the_environment_is_closed(boxed, monkeypatch):
    monkeypatch.setenv("LEAKED", "yes")
    text = boxed(lambda box: box.read(box.launch(box.open(), "/usr/bin/env", env={"A": "1"})))
    assert set(text.split()) == {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "A=1", "FAULTBOX_SERVICE=api"}


def test_a_service_starts_clean(boxed):
    """No descriptor of ours, no input, no ignored or blocked signal."""

    def body(box):
        script = (
            "ls -l /proc/self/fd | awk '{print $9, $10, $11}' | grep -v '^3 \\|^ '; cat; "
            "grep -E 'Sig(Blk|Ign)|Seccomp:|NoNewPrivs' /proc/self/status; cat /proc/self/oom_score_adj"
        )
        return box.output(box.open(), script)

    lines = boxed(body).split("\n")
    assert "0 -> /dev/null" in lines
    assert sum(" -> " in line for line in lines) == 3
    assert "SigBlk:\t0000000000000000" in lines
    ignored = next(int(line.split()[1], 16) for line in lines if line.startswith("SigIgn"))
    assert ignored & ~OF_THE_C_LIBRARY == 0
    assert "Seccomp:\t0" in lines
    assert "NoNewPrivs:\t0" in lines
    assert "500" in lines


def test_user_groups_cwd_and_limits(boxed):
    def body(box):
        world = box.open()
        how = {"user": "nobody", "cwd": "/usr/lib", "limits": {"nofile": 99, "core": 0}}
        return box.output(world, "id -u; id -G; pwd; ulimit -n; ulimit -c", **how)

    assert boxed(body).split() == ["65534", "65534", "/usr/lib", "99", "0"]


def test_another_user_may_open_its_own_output(boxed):
    script = "echo out > /dev/stdout; echo err > /dev/stderr"
    assert boxed(lambda box: box.output(box.open(), script, user="nobody")) == "out\nerr\n"


def test_a_number_is_a_user_even_without_a_name(boxed):
    assert boxed(lambda box: box.output(box.open(), "id -u; id -g; id -G", user="4711:12")).split() == [
        "4711",
        "12",
        "12",
    ]


def test_a_bare_name_is_searched_in_path(boxed):
    assert boxed(lambda box: box.read(box.launch(box.open(), "echo", "found"))) == "found\n"


@pytest.mark.parametrize(
    ("setup", "argv", "message"),
    [
        ("", ["/tmp/none"], "cannot execute /tmp/none: no such file in its world"),
        ("", ["nothing-of-this-name"], "no such file in PATH in its world"),
        ("touch /tmp/x", ["/tmp/x"], "cannot execute /tmp/x: Permission denied (it is not executable)"),
        ("echo hi > /tmp/x; chmod 755 /tmp/x", ["/tmp/x"], "nor a script with a #! line"),
        (
            "printf '#!/no/such -e\\n' > /tmp/x; chmod 755 /tmp/x",
            ["/tmp/x"],
            "cannot execute /tmp/x: its interpreter /no/such (named in its #! line) does not exist",
        ),
        ("", ["/tmp"], "cannot execute /tmp: Permission denied (it is a directory)"),
    ],
)
def test_what_cannot_be_executed_says_why(boxed, setup, argv, message):
    def body(box):
        world = box.open()
        box.output(world, setup or "true")
        with pytest.raises(LaunchError) as caught:
            box.launch(world, *argv)
        return str(caught.value)

    text = boxed(body)
    assert text.startswith("service 'api': ")
    assert message in text


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"user": "no-such-user"}, "user 'no-such-user' does not exist here"),
        ({"user": "root:no-such-group"}, "group 'no-such-group' does not exist here"),
        ({"cwd": "/no/such"}, "cannot enter its directory /no/such: No such file or directory"),
        ({"limits": {"bogus": 1}}, "limits bogus"),
    ],
)
def test_what_cannot_be_prepared_says_why(boxed, how, message):
    def body(box):
        world = box.open()
        with pytest.raises(LaunchError) as caught:
            box.sh(world, "true", **how)
        assert box.output(world, "echo next") == "next\n"
        return str(caught.value)

    assert message in boxed(body)


def test_a_failed_launch_leaks_nothing_and_reports_no_exit_of_the_service(boxed):
    def body(box):
        world = box.open()
        before = len(os.listdir("/proc/self/fd"))
        for _ in range(5):
            with pytest.raises(LaunchError):
                box.launch(world, "/none")
        ends = box.exits(world, 5)
        return len(os.listdir("/proc/self/fd")) - before, {each.service for each in ends}

    assert boxed(body) == (0, {""})


def test_the_filter_is_there_from_the_first_call_and_for_all_descendants(boxed, notifying_mkdir, serve_errors):
    """Served by this very process: nothing of a launch waits for a notified call to be answered."""
    script = "mkdir /tmp/a; setsid mkdir /tmp/b; grep Seccomp: /proc/self/status"

    def body(box):
        world = box.open()
        text = box.read(box.sh(world, script, filter=notifying_mkdir, attach=serve_errors))
        serve_errors.join()
        return text, serve_errors.counts, box.output(world, "ls /tmp; grep Seccomp: /proc/self/status", service="free")

    text, counts, free = boxed(body)
    assert text.count("No space left on device") == 2
    assert "Seccomp:\t2" in text
    assert counts == [2]
    assert free == "Seccomp:\t0\n"


def test_a_launch_needs_no_call_that_waits_for_an_answer(boxed, notifying_all, let_all_go):
    """Allocating, waking a thread, sending the listener: with a filter on it, all may be held until it is served."""

    def body(box):
        world = box.open()
        return [
            box.read(box.sh(world, "echo here", user="nobody", filter=notifying_all, attach=let_all_go))
            for _ in range(10)
        ]

    assert boxed(body) == ["here\n"] * 10
    let_all_go.join()


def test_a_filter_that_the_kernel_refuses(boxed):
    def body(box):
        world = box.open()
        with pytest.raises(LaunchError, match=r"cannot install its system call filter: .*Invalid argument"):
            box.sh(world, "true", filter=b"\xff" * 8)
        return box.output(world, "echo next")

    assert boxed(body) == "next\n"


def test_a_filtered_service_drops_its_user_and_keeps_its_pid(boxed, notifying_mkdir):
    def body(box):
        world = box.open()
        process = box.sh(world, "id -u; echo $$; cat /proc/1/comm", user="nobody", filter=notifying_mkdir)
        return box.read(process), Path(f"/proc/{process.pid}").exists()

    text, _ = boxed(body)
    assert text.split()[0] == "65534"
    assert text.split()[2] == "faultbox-init"


def test_a_filtered_launch_that_fails_says_why(boxed, notifying_mkdir):
    def body(box):
        with pytest.raises(LaunchError, match="no such file"):
            box.launch(box.open(), "/none", filter=notifying_mkdir)

    boxed(body)


def test_attach_that_raises_ends_the_child(boxed, notifying_mkdir):
    def body(box):
        world = box.open()

        def refuse(_):
            raise ValueError("no")

        with pytest.raises(ValueError, match="no"):
            box.sh(world, "echo never > /tmp/never", filter=notifying_mkdir, attach=refuse)
        box.exits(world, 1)
        return box.output(world, "ls /tmp", service="after")

    assert boxed(body) == ""


VFORK = """
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
int main(void) {
    for (int i = 0; i < 20; i++) {
        pid_t pid = vfork();
        if (pid == 0) { execl("/bin/mkdir", "mkdir", "/tmp/x", (char *)0); _exit(9); }
        int status; waitpid(pid, &status, 0);
        if (WEXITSTATUS(status) != 1) return 2;
    }
    puts("all refused");
    return 0;
}
"""


@pytest.mark.parametrize("flags", [[], ["-static"]])
def test_vfork_and_static_programs(boxed, compiled, notifying_mkdir, serve_errors, flags):
    program = compiled(VFORK, *flags)

    def body(box):
        process = box.launch(box.open(), str(program), filter=notifying_mkdir, attach=serve_errors)
        text = box.read(process)
        serve_errors.join()
        return text, serve_errors.counts

    text, counts = boxed(body)
    assert text.count("No space left on device") == 20
    assert "all refused" in text
    assert counts == [20]


def test_missing_elf_loader_is_named(boxed, compiled):
    program = compiled("int main(void) { return 0; }", "-Wl,--dynamic-linker=/no/ld.so")
    assert "INTERP" in subprocess.run(["readelf", "-l", program], capture_output=True, text=True, check=True).stdout

    def body(box):
        with pytest.raises(LaunchError, match="its ELF interpreter"):
            box.launch(box.open(), str(program))

    boxed(body)
