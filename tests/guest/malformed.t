#!/usr/bin/python3
"""Nonsense to every control file there is: it is refused and nothing changes, or what it does is documented below."""

import fnmatch
import re
import sys

sys.dont_write_bytecode = True
from nestling import TRACING, run
from tap import done, equal, ok

# Files that end the machine, or that never end.
SKIPPED = ("test/panic", "test/hang", "test/deaf", "test/triple", "test/overflow")
# Files that say something else when others are written to: logs, counters, and what looks at the machine. And a filter
# shows what was refused, as on Linux: that the one before is in force nonetheless is tested by events.t.
UNWATCHED = ("error_log", "health", "lockdep", "nest", "rcu/gp", "wx", "trace", "per_cpu/*/trace", "events/*/*/filter",
             "stack_trace", "stack_max_size", "threads")
# What succeeds, and why: file, inputs, and the files that may say something else afterwards.
ANY = ("*",)
NOTHING = ("empty", "blank")
DOCUMENTED = (
    ("trace", ANY, ()),  # opened for writing, it is emptied; what is written doesn't matter, on Linux, either
    ("per_cpu/*/trace", ANY, ()),
    ("error_log", ANY, ()),  # the same
    ("free_buffer", ANY, ("buffer_size_kb",)),  # closing it is what counts, on Linux, too
    ("trace_marker", ANY, ()),  # any text is an event
    ("nest", ANY, ()),  # from now on
    ("health", ANY, ()),  # as it is now
    ("lockdep", ANY, ()),  # forget
    ("set_ftrace_filter", NOTHING, ("set_ftrace_filter",)),  # all functions
    ("set_ftrace_notrace", NOTHING, ("set_ftrace_notrace",)),  # none
    ("set_ftrace_pid", NOTHING, ("set_ftrace_pid",)),  # all threads
    ("kprobe_events", NOTHING, ("kprobe_events",)),  # none
    ("uprobe_events", NOTHING, ("uprobe_events",)),  # none
    ("set_event", NOTHING, ("set_event", "events/*/enable")),  # none
    ("events/*/filter", NOTHING, ("events/*/filter",)),  # none
    ("events/*/trigger", NOTHING, ()),  # none more
    ("set_graph_*", NOTHING, ("set_graph_*",)),  # all functions; none
    ("recursion/consumer", NOTHING, ()),  # nobody
    ("recursion/iret_demo", ANY, ("recursion/iret_demo",)),  # try it
    ("stack_trace_filter", NOTHING, ("stack_trace_filter",)),  # all
)
SETTINGS = """\
echo 'strlen strcmp' > set_ftrace_filter; echo 'strlen:traceoff:3' >> set_ftrace_filter; echo 'strch*' > set_ftrace_notrace
echo 1 > set_ftrace_pid; echo 'p:x tracing_on_show' > kprobe_events; echo 'p:x /bin/init:main' > uprobe_events; echo 100 > buffer_size_kb; echo noprint-parent > trace_options
echo 'common_pid != 0' > events/sched/sched_switch/filter; echo 1 > events/irq/enable; echo 3 > max_graph_depth
echo strlen > set_graph_function; echo 'hist:keys=prev_pid' > events/sched/sched_switch/trigger; echo 50 > tracing_thresh
echo counter > trace_clock; echo 0 > options/overwrite; echo 0 > tracing_on; echo 5 > rcu/stall_timeout; echo 1 > snapshot
"""
MALFORMED = f"malformed {' '.join(SKIPPED)} {' '.join(f'-{path}' for path in UNWATCHED)}\n"
SUCCESS = re.compile(r"(?P<path>\S+) (?P<how>>>?) (?P<input>\S+) (?P<errno>-?\d+) (?P<changed>\S+)")
SUMMARY = re.compile(r"(?P<path>\S+): (?P<refused>\d+) of (?P<tried>\d+) refused(, not watched)?")


def is_documented(line):
    """As the kernel reports it: a success that may be, and that changed no file but those that it may."""
    return line["errno"] == "0" and any(
        fnmatch.fnmatchcase(line["path"], path) and any(fnmatch.fnmatchcase(line["input"], name) for name in inputs) and
        any(fnmatch.fnmatchcase(line["changed"], one) for one in ("-", *may_change)) for path, inputs, may_change in DOCUMENTED)


def listing():
    """All files, by the shell's own ls."""
    files, folders = [], [""]
    while folders:
        result = run("".join(f"echo {folder or '.'}; ls {TRACING}/{folder}\necho --\n" for folder in folders), smp=2, append="test")
        equal(result.status, 0, "ls finds them")
        below = []
        for text in result.stdout.split("--\n")[:-1]:
            folder, *names = text.splitlines()
            paths = [name if folder == "." else f"{folder}/{name}" for name in names]
            below += [path[:-1] for path in paths if path.endswith("/")]
            files += [path for path in paths if not path.endswith("/")]
        folders = below
    return files


def test_all(name, before):
    result = run(f"cd {TRACING}\n{before}echo --\n{MALFORMED}", smp=2, append="test")
    equal(result.status, 0, f"{name}: all files have been tried", result.stdout[-1000:], result.stderr)
    lines = result.stdout.partition("--\n")[2].splitlines()
    successes = [match for line in lines if (match := SUCCESS.fullmatch(line))]
    summaries = {match["path"]: match for line in lines if (match := SUMMARY.fullmatch(line))}
    equal(len(successes) + len(summaries), len(lines), f"{name}: the report has its shape")
    wrong = [line[0] for line in successes if not is_documented(line)]
    equal(wrong, [], f"{name}: what isn't refused, or changes something, is documented")
    refused = sum(int(line["refused"]) for line in summaries.values())
    equal(refused + len(successes), sum(int(line["tried"]) for line in summaries.values()), f"{name}: and counted")
    ok(refused > 1000, f"{name}: {refused} refused", result.stdout[-1000:])
    return summaries


def test_the_others(tried, files):
    """Whoever isn't tried can't be written to."""
    others = [f"{TRACING}/{path}" for path in files if path not in tried and path not in SKIPPED]
    result = run("".join(f"echo >> {path}\n" for path in others), smp=2, append="test")
    equal(result.stdout.splitlines(), [f"sh: {path}: Permission denied" for path in others], "no other file can be written to")


def test_unknown_names():
    result = run(f"cd {TRACING}\necho strlen > set_ftrace_filter\necho nosuch > set_ftrace_filter\necho nosuch >> set_ftrace_filter\n"
                 "echo 'strcmp nosuch' > set_ftrace_filter\ncat set_ftrace_filter\n")
    equal((result.status, result.stdout), (1, "sh: set_ftrace_filter: write error: Invalid argument\n" * 3 + "strlen\n"),
          "a name that isn't there: EINVAL, and the filter is as before")
    result = run(f"cd {TRACING}\necho 'strlen > set_ftrace_filter\n")
    equal((result.status, "unterminated ' quote" in result.stdout), (1, True), "the shell itself refuses an open quote")


FILES = listing()
test_the_others(test_all("as booted", ""), FILES)
test_all("with settings", SETTINGS)
test_unknown_names()
done()
