#!/usr/bin/python3
"""User mode from the outside: a program of the boot module runs, by either boot loader; what is no archive or no program is refused."""

import os
import subprocess
import sys
import tarfile
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from nestling import ROOT, run
from tap import done, equal

PROGRAMS = os.environ.get("USER_PROGRAMS") or os.path.join(ROOT, "build/user")
SHELL = ("init", "console", "tracefs", "sh")  # what it takes to type a command
HELLO = "init: hello from user mode\n"


def test_init(boot):
    result = run("exec init; exec init; echo on", boot=boot)
    equal((result.status, result.stdout), (0, 2 * HELLO + "on\n"), f"BOOT={boot}: init says that it runs", result.stderr)


def packed(folder, **files):
    words = []
    for name, data in files.items():
        path = os.path.join(folder, name)
        with open(path, "wb") as file:
            file.write(data)
        words.append(f"{name}={path}")
    words += [f"{name}={os.path.join(PROGRAMS, name + '.stripped')}" for name in SHELL]
    archive = os.path.join(folder, "archive")
    subprocess.run([os.path.join(ROOT, "tools/mkcpio"), archive, *words], check=True)
    return archive


def test_refused():
    with tempfile.TemporaryDirectory(prefix="nestling-user-") as folder:
        archive = packed(folder, text=b"no program\n" * 20, short=b"\x7fELF")
        result = run("exec text; exec short; exec nosuch; exec", initrd=archive)
        equal(result.stdout,
              "exec: text: it isn't an ELF file\nsh: exec: No such file or directory\n"
              "exec: short: it is too short for an ELF file\nsh: exec: No such file or directory\n"
              "exec: nosuch: the boot module has no such file\nsh: exec: No such file or directory\n"
              "sh: exec: Invalid argument\nusage: exec PROGRAM\n", "what isn't a program is refused with a sentence", result.stderr)


def test_ustar():
    """The same programs packed by tar, read to the end by asking for one that isn't there; then each kind of damage."""
    with tempfile.TemporaryDirectory(prefix="nestling-user-") as folder:
        path = os.path.join(folder, "archive")
        with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as tar:
            for name in SHELL:
                tar.add(os.path.join(PROGRAMS, name + ".stripped"), "./" + name)
        result = run("exec init; exec nosuch", initrd=path)
        equal(result.stdout, HELLO + "exec: nosuch: the boot module has no such file\nsh: exec: No such file or directory\n",
              "a program out of a tar archive runs", result.stderr)
        with open(path, "rb") as file:
            good = file.read()
        for name, data, what in (
                ("sum", b"x" + good[1:], "Archive has a header whose sum is wrong"),
                ("cut", good[:600], "Archive ends in a file"),
                ("noise", b"no archive at all, but as long as a header of one should be\n" * 20,
                 "Not an archive: neither cpio's magic number (format newc) nor ustar's is there")):
            with open(path, "wb") as file:
                file.write(data)
            result = run("echo x", initrd=path)
            lines = result.stdout.splitlines()
            equal((result.status, lines[:2]), (2, ["", f"panic: init can't be started: {what}"]), f"a damaged one is refused: {name}",
                  result.stderr)


test_init("pvh")
test_ustar()
test_refused()
done()
