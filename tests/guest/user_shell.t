#!/usr/bin/python3
"""The shell in user mode: what the kernel's shell prints, it prints, with the same status; then what it alone can do."""

import re
import sys

sys.dont_write_bytecode = True
from nestling import TRACING, run
from tap import contains, done, equal, ok

USER = "shell=user"

# Each is run by both, and by neither is anything in it that counts events or time.
SCRIPTS = {
    "grammar": "echo a;echo b # c; echo d\n\n;; # only this\necho 'e\nf'\t\"g \\\" \\\\ \\n\" h\\ \\;i'j'k#l $HOME *\n"
               "echo -n a; echo; echo ''; echo - -n\necho " + "x" * (4096 - 5),
    "a syntax error": "echo ok\necho > ; echo",
    "files": "ls; echo --; ls / /sys/kernel; cd kprobes; ls; pwd; cd; pwd; cd ..; pwd; ls nosuch trace/x",
    "redirection": "echo 0>tracing_on; cat tracing_on; echo 1 >> tracing_on; > tracing_on echo 1; cat tracing_on\n"
                   "echo function > current_tracer; cat current_tracer\n"
                   "echo nop >/sys/kernel/../kernel/tracing/current_tracer; cat current_tracer\n"
                   "cat available_filter_functions available_filter_functions > set_ftrace_filter; echo on",
    "failures": "nosuch x; cat nosuch; cat trace/x; cat kprobes; cd trace; echo x > available_tracers; poweroff > nosuch\n"
                "echo nosuch > current_tracer; cat error_log; explain nosuch; head -n x trace; cat; timeout; exec nosuch\n"
                "cat trace_marker; echo nosuch > kprobe_events; nest x; timeout 1 nosuch",
    "the end": "echo a; poweroff; echo b",
    "probes": "echo 'p:here tracefs_read+5' > kprobe_events; cat kprobe_events; echo 'p cpu_idle' >> kprobe_events\n"
              "cat events/kprobes/here/format; echo > kprobe_events; cat kprobe_events",
    "filters": "echo 'tracefs_*' > set_ftrace_filter; cat set_ftrace_filter; echo '!tracefs_w*' >> set_ftrace_filter\n"
               "head -n 2 set_ftrace_filter; echo > set_ftrace_filter; cat set_ftrace_filter",
    "kernel commands": "nest mark; ktap no_such_suite; ktap printf_no; exec init; tour; tour 99; help help echo",
}


def same(name, script):
    kernel, user = run(script, append="shell=kernel"), run(script, append=USER)
    equal((user.status, user.stdout), (kernel.status, kernel.stdout), f"as the kernel's shell: {name}", user.stderr)


def prints(script, stdout, status, name):
    result = run(script, append=USER)
    equal((result.status, result.stdout), (status, stdout), name, result.stderr)


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
                 "cat trace_pipe | grep mark | head -n 2; echo on; cat nosuch | wc -l", append=USER)
    equal(result.status, 1, "a pipeline fails as its command does", result.stderr)
    contains(result.stdout, "tracing_mark_write: two\non\nsh: nosuch: No such file or directory\n0\n",
             "a file that waits ends when its last reader wants no more")


def test_time():
    prints("timeout 0.3 cat trace_pipe; echo on; timeout 0.1 timeout 60 cat trace_pipe; echo on", "on\non\n", 0,
           "timeout ends what waits")


def test_programs():
    result = run("crash; echo on; crash | wc -l; echo 'exit'", append=USER)
    contains(result.stdout, "about to fall\ncrash: thread ", "a program prints, and falls")
    for name in ("write_to", "deeper", "main", "program_begin", "_start"):
        contains(result.stdout, f"] {name}+0x", f"its report names {name}()")
    contains(result.stdout, "sh: crash: died of #PF\non\n", "… and the shell says what became of it")
    equal(result.status, 1, "it counts as failed")


def test_tour():
    """The recursion and the way back, of which other processes notice nothing."""
    result = run("tour all; echo alive", append=USER)
    equal((result.status, result.stdout.splitlines()[-1]), (0, "alive"), "the scenes are played", result.stdout[-3000:])
    equal(result.stdout.count("\n  free frames "), 2, "… and nothing is different afterwards")


def test_looking():
    result = run("ps; echo --; top 200 | grep -v idle; echo --; pingpong 50; top 0; pingpong x; ps > tracing_on; cat threads | wc -l",
                 append=USER, smp=2)
    ps, top, rest = result.stdout.split("--\n")
    names = [line.split()[-1] for line in ps.splitlines()]
    equal([name for name in ("init", "console", "tracefs", "sh", "ps", "stream", "idle") if name not in names], [],
          "ps lists servers, itself and the kernel's threads", ps)
    ok(re.fullmatch(r"(.* +\d+\.\d% +\d+ \S+\n)+", top.removeprefix("  TID    CPU   TIME-US NAME\n")) and " top\n" in top,
       "top lists who has run", top)
    ok(re.match(r"50 round trips, \d+ ns each, the last word is 50\nusage: top", rest), "pingpong's messages go to and fro", rest)


for each, text in SCRIPTS.items():
    same(each, text)
test_pipes()
test_time()
test_programs()
test_tour()
test_looking()
contains(run("help", append=USER).stdout, "\nktap [SUITE]", "help knows the kernel's commands")
done()
