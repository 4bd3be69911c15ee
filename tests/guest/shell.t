#!/usr/bin/python3
"""The shell: grammar, files, redirection, and failures."""

import sys

sys.dont_write_bytecode = True
from nestling import TRACING, run
from tap import contains, done, equal, ok

FILES = ("available_filter_functions available_tracers blackbox current_tracer error_log kprobe_events kprobes/ "
         "set_ftrace_filter trace tracing_on").split()


def prints(script, stdout, status, name, **options):
    result = run(script, **options)
    equal((result.status, result.stdout), (status, stdout), name, result.stderr)


def test_grammar():
    prints("echo a;echo b # c; echo d\n\n;; # only this\necho 'e\nf'\t\"g \\\" \\\\ \\n\" h\\ \\;i'j'k#l $HOME *",
           "a\nb\ne\nf g \" \\ \\n h ;ijk#l $HOME *\n", 0, "separators, comments, quotes and backslashes")
    prints("echo -n a; echo; echo ''; echo - -n", "a\n\n- -n\n", 0, "echo and echo -n")
    line = "echo " + "x" * (4096 - 5)
    prints(line, line[5:] + "\n", 0, "a line of 4,096 bytes")
    prints("echo before\n" + line + "x", "sh: line 2, column 1: line longer than 4096 bytes\n", 1,
           "a longer one runs nothing")


def test_syntax_errors():
    for script, where, what in (("echo 'a", "1, column 6", "unterminated ' quote"),
                                ("echo \"a\\\"", "1, column 6", "unterminated \" quote"),
                                ("echo ok\necho > ; echo", "2, column 6", "no file name after '>'"),
                                ("echo >a >>b", "1, column 9", "second redirection"),
                                ("echo ok; echo a\\", "1, column 16", "nothing after '\\'")):
        prints(script, f"sh: line {where}: {what}\n", 1, f"syntax error, nothing runs: {what}")


def test_files():
    result = run("ls; echo --; ls / /sys/kernel; cd kprobes; pwd; cd; pwd; cd ..; pwd")
    equal(result.status, 0, "ls, cd and pwd succeed", result.stderr)
    listing, rest = result.stdout.split("--\n")
    names = listing.splitlines()
    equal([name for name in FILES if name not in names], [], "the control files are there, directories with a '/'")
    equal(names, sorted(names), "ls sorts")
    equal(rest, f"/:\nsys/\n/sys/kernel:\ntracing/\n{TRACING}/kprobes\n{TRACING}\n/sys/kernel\n",
          "directories lead down to them and back")
    contains(run("ls", append="test").stdout, "test/\n", "the option `test` brings the test files")
    ok("test/" not in names, "… and without it there are none")


def test_redirection():
    prints("echo 0>tracing_on; cat tracing_on; echo 1 >> tracing_on; > tracing_on echo 1; cat tracing_on", "0\n1\n", 0,
           "'>' and '>>' anywhere, with and without spaces")
    prints("echo function > current_tracer; cat current_tracer; echo nop >/sys/kernel/../kernel/tracing/current_tracer;"
           "cat current_tracer", "function\nnop\n", 0, "a tracer is chosen by writing its name")
    prints("cat available_filter_functions available_filter_functions > set_ftrace_filter; echo on",
           "sh: set_ftrace_filter: Argument list too long\non\n", 1, "one write is at most 4,096 bytes")


def test_failures():
    for script, what in (("nosuch x", "nosuch: command not found"),
                         ("cat nosuch", "nosuch: No such file or directory"),
                         ("cat trace/x", "trace/x: Not a directory"),
                         ("cat kprobes", "kprobes: Is a directory"),
                         ("cd trace", "trace: Not a directory"),
                         ("echo x > available_tracers", "available_tracers: Permission denied"),
                         ("poweroff > nosuch", "nosuch: No such file or directory"),
                         ("echo nosuch > current_tracer", "current_tracer: write error: Invalid argument")):
        prints(script + "; echo on", f"sh: {what}\non\n", 1, f"fails, and the next command runs: {script}")
    prints("echo a; poweroff; echo b", "a\n", 0, "poweroff ends")
    prints("nosuch; echo a; poweroff", "sh: nosuch: command not found\na\n", 1, "… with the status so far")


def test_help():
    result = run("help; echo --; help echo")
    equal(result.status, 0, "help succeeds", result.stderr)
    commands, echo = result.stdout.split("--\n")
    names = [line.split()[0] for line in commands.splitlines()]
    equal(names, sorted(names), "help sorts")
    equal([name for name in "cat cd echo help ktap ls poweroff tour".split() if name not in names], [],
          "help knows every command")
    contains(echo, "echo [-n] [TEXT...]\n", "help explains one")


test_grammar()
test_syntax_errors()
test_files()
test_redirection()
test_failures()
test_help()
done()
