#!/usr/bin/python3
"""Every exit status, through both ways to boot, and what a user sees with it."""

import os
import sys
import tempfile

sys.dont_write_bytecode = True
from nestling import TRACING, run
from tap import contains, done, equal, ok

HARD_TO_QUOTE = r"""echo 'a  "b" $HOME `x` \n %s' "c\"d\\e" f\ \ g"""
HARD_TO_QUOTE_PRINTS = r"""a  "b" $HOME `x` \n %s c"d\e f  g""" + "\n"


def test_success(boot):
    result = run("echo x; poweroff", boot=boot)
    equal(result.status, 0, f"{boot}: success is status 0", result.stderr)
    equal(result.stdout, "x\n", f"{boot}: stdout is the commands' output and nothing else")
    contains(result.stderr, "status 0 (ok)", f"{boot}: … said on stderr")
    result = run(HARD_TO_QUOTE, boot=boot)
    equal((result.status, result.stdout), (0, HARD_TO_QUOTE_PRINTS),
          f"{boot}: quotes, $ and backslashes arrive as typed; without poweroff the end of the commands is the end",
          result.stderr)


def test_failures(boot):
    result = run("cat nosuch; echo alive; poweroff", boot=boot)
    equal(result.status, 1, f"{boot}: a failed command is status 1", result.stderr)
    contains(result.stdout, "alive\n", f"{boot}: … and the next command runs")
    contains(result.stderr, "status 1 (a command failed)", f"{boot}: … said on stderr")
    for file, reason in (("panic", "panic"), ("triple", "triple fault")):
        result = run(f"echo before; echo 1 > {TRACING}/test/{file}; echo after", boot=boot, append="test")
        equal(result.status, 2, f"{boot}: {reason} is status 2", result.stderr)
        contains(result.stderr, f"status 2 ({reason})", f"{boot}: … said on stderr ({reason})")
        ok(result.stdout.startswith("before\n") and "after" not in result.stdout, f"{boot}: … ends the run ({reason})",
           result.stdout)
        contains(result.stderr, result.log or "no log", f"{boot}: … and the kernel log is shown ({reason})")
    result = run(f"echo before; echo 1 > {TRACING}/test/hang", boot=boot, append="test", timeout=10)
    equal((result.status, result.stdout), (3, "before\n"), f"{boot}: a hang is status 3", result.stderr)


def test_options(boot):
    result = run("echo x", boot=boot, append="nosuchoption=7")
    equal(result.status, 0, f"{boot}: an unknown kernel option doesn't stop the boot", result.stderr)
    contains(result.log, "nosuchoption", f"{boot}: … but is reported")


def test_script():
    with tempfile.TemporaryDirectory(prefix="nestling-script-") as tmp:
        script = os.path.join(tmp, "a,b")
        with open(script, "w", encoding="ascii") as file:
            file.write("# a comment\necho one\necho two\n" + "# filling\n" * 6000)
        result = run(script=script)
    equal((result.status, result.stdout), (0, "one\ntwo\n"), "a SCRIPT near 64 KiB runs", result.stderr)


def test_memory():
    result = run("echo x", mem="16M")
    equal((result.status, result.stdout), (0, "x\n"), "16 MiB are enough", result.stderr)
    result = run("echo x", mem="4M")
    equal(result.status, 2, "4 MiB are not: status 2", result.stderr)
    contains((result.stdout + result.log).lower(), "memory", "… with a message about memory")


for way in ("pvh", "iso"):
    test_success(way)
    test_failures(way)
    test_options(way)
test_script()
test_memory()
done()
