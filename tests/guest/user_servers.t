#!/usr/bin/python3
"""Servers that die: each is killed while it is in use, and started again; one that can't live is given up, with a report."""

import os
import struct
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from nestling import ROOT, run
from tap import contains, done, equal

STRESS = int(os.environ.get("STRESS") or 1)
PROGRAMS = os.path.join(ROOT, "build/user")


def test_killed():
    kills = 5 * STRESS
    for name in ("console", "tracefs"):
        lines = "".join(f"echo {i}; kill {name}; cat tracing_on; ls kprobes; echo {i} > trace_marker\n" for i in range(kills))
        result = run(lines + "cat trace | grep -c mark_write", timeout=60 + 2 * kills)
        listing = run("ls kprobes").stdout
        told = f"init: {name} ended with status 9, and is started again\n"
        said = result.stdout.replace(told, "")
        equal((result.status, said), (0, "".join(f"{i}\n1\n{listing}" for i in range(kills)) + f"{kills}\n"),
              f"{name} is killed again and again, and the shell goes on", result.stderr)
        equal(result.stdout.count(told), kills, f"init tells that it starts {name} again")
    result = run("kill sh; kill init; kill nosuch; kill")
    equal(result.stdout, "".join(f"sh: {name}: there is no such server\n" for name in ("sh", "init", "nosuch")) +
          "sh: kill: Invalid argument\nusage: kill SERVER\n", "other names are refused", result.stderr)


def test_on_four():
    """Deaths while everything is traced and checked, on several CPUs."""
    result = run("echo function > current_tracer; echo 1 > events/enable\n"
                 + "kill tracefs; kill console; cat tracing_on; timeout 0.1 cat trace_pipe | grep -c nosuch; crash\n" * 3
                 + "echo 0 > events/enable; echo nop > current_tracer; ls | grep -c '^trace$'; cat wx | grep -c ', 0 of those writable'",
                 append="debug", smp=4)
    told = ("init: tracefs ended with status 9, and is started again\n", "init: console ended with status 9, and is started again\n")
    equal([result.stdout.count(text) for text in (*told, "1\n0\nabout to fall\ncrash: thread ", "sh: crash: died of #PF\n")],
          [3, 3, 3, 3], "servers and programs die on four CPUs, traced", result.stdout[-4000:])
    equal(result.stdout.splitlines()[-2:], ["1", "5"], "… and all is there afterwards", result.stderr)
    equal([line for line in result.log.splitlines() if "BUG" in line or "WARN" in line or "lockdep" in line], [],
          "… and nothing wrong was found")


def packed(folder, **files):
    words = [f"{name}={path}" for name, path in files.items()]
    archive = os.path.join(folder, "archive")
    subprocess.run([os.path.join(ROOT, "tools/mkcpio"), archive, *words], check=True)
    return archive


def stripped(name):
    return os.path.join(PROGRAMS, f"{name}.stripped")


def test_given_up():
    with tempfile.TemporaryDirectory(prefix="nestling-servers-") as folder:
        archive = packed(folder, init=stripped("init"), console=stripped("console"), tracefs=stripped("crash"), sh=stripped("sh"))
        result = run("echo on; cat tracing_on", initrd=archive)
        equal(result.status, 1, "a server that always dies ends the machine", result.stderr)
        contains(result.stdout, "] write_to+0x", "its report has names")
        contains(result.stdout, "init: tracefs died of #PF, as the last 5 times: it is given up\n", "and says so")
        text = os.path.join(folder, "text")
        with open(text, "w", encoding="ascii") as file:
            file.write("no program\n" * 20)
        archive = packed(folder, init=stripped("init"), console=text, tracefs=stripped("tracefs"), sh=stripped("sh"))
        result = run("echo on", initrd=archive)
        contains(result.stdout, "init: console: it isn't an ELF file\n", "a server that is no program is told of")
        equal(result.status, 1, "and the machine ends", result.stderr)
        archive = packed(folder, init=stripped("init"), console=stripped("console"))
        contains(run("echo on", initrd=archive).stdout, "init: tracefs: the boot module has no such file\n",
                 "one that isn't there is told of")


def endless(folder):
    """The smallest program that never ends: jmp . behind the headers."""
    path, at, size = os.path.join(folder, "endless"), 0x400000, 64 + 56 + 2
    with open(path, "wb") as file:
        file.write(struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\2\1\1", 2, 62, 1, at + 120, 64, 0, 0, 64, 56, 1, 64, 0, 0))
        file.write(struct.pack("<IIQQQQQQ", 1, 5, 0, at, at, size, size, 4096) + b"\xeb\xfe")
    return path


def test_endless():
    with tempfile.TemporaryDirectory(prefix="nestling-servers-") as folder:
        archive = packed(folder, endless=endless(folder), **{name: stripped(name) for name in ("init", "console", "tracefs", "sh")})
        result = run("timeout 0.2 exec endless; timeout 0.2 exec endless; echo on", initrd=archive)
        equal((result.status, result.stdout), (0, "on\n"), "a program that doesn't end is ended with the command that runs it", result.stderr)


LIES = """\
a handle with text: taken
a handle with nonsense: Function not implemented
^C to a notification: Permission denied
^C to nobody: Permission denied
keys: Permission denied
^C, again and again: Permission denied
a request before sharing: Stale file handle
too few pages: Invalid argument
too many: Invalid argument
pages that can't be read: Invalid argument
no pages at all: Invalid argument
pages again and again: taken
pages given away, and kept: Device or resource busy
and a stream meanwhile: taken
a path without an end: Argument list too long
a path of nothing: Invalid argument
a name, without room for it: Too many open files
a stream, without room for it: Too many open files
and with: taken
too many words for a program: Argument list too long
"""


def test_liar():
    result = run("liar; liar | wc -l; pingpong 1; kill console; liar | grep -c taken; cat tracing_on", smp=2)
    said, rest = result.stdout[:len(LIES)], result.stdout[len(LIES):]
    equal(said, LIES, "who lies to a server has an answer each time, and uses nothing up")
    equal([line for line in rest.splitlines() if "round trips" not in line],
          ["20", "init: console ended with status 9, and is started again", "4", "1"], "… and those after it are served")
    equal(result.status, 0, "… by servers that live", result.stderr)


test_killed()
test_on_four()
test_liar()
test_endless()
test_given_up()
done()
