#!/usr/bin/python3
"""The shell as a process: the kernel's commands and programs as its own, pipes, what ends by time, and what it says of all that fails."""

import re
import sys

sys.dont_write_bytecode = True
from nestling import TRACING, run
from tap import contains, done, equal, ok


def prints(script, stdout, status, name):
    result = run(script)
    equal((result.status, result.stdout), (status, stdout), name, result.stderr)


def test_kernel_commands():
    prints("nest mark; tour; help help echo ps; exec init",
           "   1  a tracer in a half-built context\n   2  hiding entry code\n   3  hiding doesn't stop recursion\n"
           "   4  a probe on rcu_nmi_enter\n   5  in_tracer, tested before rcu_nmi_enter\n   6  why iret isn't enough\n   7  in_breakpoint, in_tracepoint, in_function_trace\n"
           "   8  kprobes' own flag, and do_debug\n   9  no way back: BUG()\n  10  bust_kprobes() and read-only text\n"
           "\"tour N\" plays one, \"tour all\" all of them; \"tour matrix\" tries each policy\nof the recursion guard by each technique.\nhelp [COMMAND...]\n\tlist the commands, or explain one\n"
           "echo [-n] [TEXT...]\n\tprint TEXT; -n leaves out the newline\nps\n\ta program of the boot module\ninit: hello from user mode\n", 0, "commands of the shell's and of the kernel's")
    names = [line.split()[0] for line in run("help").stdout.splitlines()]
    equal([name for name in "bench dmesg exec explain ktap sweep nest timeout tour grep sort kill crash debug pingpong ps".split() if name not in names], [],
          "help knows them all", names)
    equal(names, sorted(set(names)), "… each once, in order")


def test_refusals():
    for command, said in (("explain nosuch", "explain: no function is called 'nosuch'\nsh: explain: No such file or directory\n"),
                          ("ktap nosuch", "sh: ktap: No such file or directory\n"),
                          ("exec nosuch", "exec: nosuch: the boot module has no such file\nsh: exec: No such file or directory\n"),
                          ("cat trace_marker", "sh: trace_marker: Permission denied\n"),
                          ("ls nosuch trace/x", "sh: nosuch: No such file or directory\nsh: trace/x: Not a directory\n"),
                          ("head -n x trace", "sh: head: Invalid argument\nusage: head [-n N] PATH\n"),
                          ("cat; timeout; nest x; timeout 1 cat; explain",
                           "".join(f"sh: {name}: Invalid argument\nusage: {name} {args}\n" for name, args in (
                               ("cat", "PATH..."), ("timeout", "SECONDS COMMAND..."), ("nest", "[mark|-f]"), ("cat", "PATH..."),
                               ("explain", "SYM[+OFF]|ADDR")))),
                          ("timeout 1 explain 0x10", "explain: 0x10 is not in kernel text\nsh: explain: Invalid argument\n"),
                          ("timeout 1 nosuch; help nosuch", "sh: nosuch: command not found\n" * 2),
                          ("tour 99", "sh: 99: there is no such scene\n")):
        prints(command, said, 1, f"refused: {command}")
    contains(run("dmesg", append="shell=kernel").stdout, 'cmdline: unknown option "shell=kernel" ignored\n', "there is no other shell to ask for")


def test_pipes():
    prints("echo b > trace_marker; cat trace | grep -c '^#'\ncat available_tracers | wc\ncat available_tracers | wc -w\n"
           "echo 'b\na\nb\nc\nb' | sort; echo; echo 'b\na\nb' | sort -r | uniq -c; echo '10\n9\n-1' | sort -n | head -n 2\n"
           "echo 'b\na\nb' | sort -u | tail -n 1; echo 'a\nb\nc\nd' | head -n 3 | tail -n 2; echo 'x|y' | grep 'x|y'\n"
           "echo 'one\nTwo\nthree' | grep -in 'T.*o$'; echo 'a\nb' | grep -v a; ls | grep '^trac.*on$'\n"
           "wc -l available_tracers; grep -n 0 tracing_on tracing_on; tail -n 1 tracing_on; echo 0 | sort > tracing_on; cat tracing_on",
           "12\n      1       4      36\n4\na\nb\nb\nb\nc\n\n      2 b\n      1 a\n-1\n9\nb\nb\nc\nx|y\n2:Two\nb\ntracing_on\n"
           "1\n1\n0\n", 1, "pipes to filters, and filters of files; grep fails where nothing matches")
    prints("echo a | nosuch; echo b | cat; echo c | head -n; echo d | grep; echo e | wc x; echo on", "".join(
        f"sh: {line}\n" for line in (
            "nosuch: not a filter: nothing can be piped into it", "cat: not a filter: nothing can be piped into it",
            "head: Invalid argument", "grep: Invalid argument", "wc: Invalid argument")) + "on\n", 1,
           "what can't be piped runs nothing")
    result = run("echo one > trace_marker; echo two > trace_marker; echo three > trace_marker\n"
                 "cat trace_pipe | grep mark | head -n 2; echo on; cat nosuch | wc -l")
    equal(result.status, 1, "a pipeline fails as its command does", result.stderr)
    contains(result.stdout, "tracing_mark_write: two\non\nsh: nosuch: No such file or directory\n0\n",
             "a file that waits ends when its last reader wants no more")


def test_time():
    prints("timeout 0.3 cat trace_pipe; echo on; timeout 0.1 timeout 60 cat trace_pipe; echo on", "on\non\n", 0,
           "timeout ends what waits")
    prints("timeout 9 " * 400 + "echo deep", "deep\n", 0, "as many times inside each other as a line holds")
    result = run("timeout 0 tour 4; echo --; timeout 0.05 tour all; echo on; cat kprobe_events", icount=1)
    at_once, later = result.stdout.split("--\n")
    equal((result.status, at_once), (0, ""), "a time that is over ends a scene before it begins", result.stderr)
    headings = re.findall(r"^=== (.*) ===$", later, re.M)
    ok(len(headings) > 1 and [bool(re.fullmatch(r"Scene \d+ was interrupted\.", heading)) for heading in headings] == [False] * (len(headings) - 1) + [True],
       "… and the tour in the middle", headings)
    ok(later.endswith("interrupted. ===\non\n"), "… of which nothing is left", later[-200:])
    times = "\n".join(f"timeout {at / 4e6:.9f} cd ." for at in range(400))
    result = run(f"echo p:held /bin/sh:unlock_changed > uprobe_events\necho 1 > events/uprobes/held/enable\n{times}\necho on", icount=1)
    equal((result.status, result.stdout.splitlines()[-1:]), (0, ["on"]), "one is over while another thread is at the list of times",
          result.stdout[-300:])


def test_programs():
    result = run("crash; echo on; crash | wc -l; echo 'exit'")
    contains(result.stdout, "about to fall\ncrash: thread ", "a program prints, and falls")
    for name in ("write_to", "deeper", "main", "program_begin", "_start"):
        contains(result.stdout, f"] {name}+0x", f"its report names {name}()")
    contains(result.stdout, "sh: crash: died of #PF\non\n", "… and the shell says what became of it")
    equal(result.status, 1, "it counts as failed")


def test_tour():
    """The recursion and the way back, of which other processes notice nothing."""
    result = run("tour all; echo alive")
    equal((result.status, result.stdout.splitlines()[-1]), (0, "alive"), "the scenes are played", result.stdout[-3000:])
    equal(result.stdout.count("\n  free frames "), 9, "… and nothing is different afterwards")


def test_looking():
    result = run("ps; echo --; top 200 | grep -v idle; echo --; pingpong 50; top 0; pingpong x; ps > tracing_on; cat threads | wc -l",
                 smp=2)
    ps, top, rest = result.stdout.split("--\n")
    names = [line.split()[-1] for line in ps.splitlines()]
    equal([name for name in ("init", "console", "tracefs", "sh", "ps", "stream", "idle") if name not in names], [],
          "ps lists servers, itself and the kernel's threads", ps)
    ok(re.fullmatch(r"(.* +\d+\.\d% +\d+ \S+\n)+", top.removeprefix("  TID    CPU   TIME-US NAME\n")) and " top\n" in top,
       "top lists who has run", top)
    ok(re.match(r"50 round trips, \d+ ns each, the last word is 50\nusage: top", rest), "pingpong's messages go to and fro", rest)


test_kernel_commands()
test_refusals()
test_pipes()
test_time()
test_programs()
test_tour()
test_looking()
done()
