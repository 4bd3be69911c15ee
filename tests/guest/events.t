#!/usr/bin/python3
"""Events through their control files: Linux's names and shapes, words for what is wrong, and all or nothing."""

import re
import sys

sys.dont_write_bytecode = True
from nestling import TRACING, run
from tap import contains, done, equal, ok
from tracetext import ENTRY, misshapen, parse, sample

MARK = "echo --\n"
CUT = "--\n"
CD = f"cd {TRACING}\n"
EVENT = "events/sched/sched_switch"
LINUX = sample("event-filter-error-and-format.txt")
EINVAL = "Invalid argument"
SYSTEMS = {"sched", "irq", "exceptions", "nestling", "raw_syscalls", "rcu", "timer"}


def session(*pieces, status=0, name="", **options):
    """Runs pieces of script; what each printed, and what was complained of."""
    result = run(CD + MARK.join(piece + "\n" for piece in pieces), **options)
    equal(result.status, status, f"{name}: status {status}", result.stdout[-1500:], result.stderr[-1500:])
    lines = result.stdout.splitlines(keepends=True)
    complaints = [line for line in lines if line.startswith("sh: ")]
    return "".join(line for line in lines if line not in complaints).split(CUT), "".join(complaints)


# ---- shapes ----------------------------------------------------------------------------------------------------------


def fields(text):
    return [line for line in text.splitlines() if line.startswith("\tfield:")]


def test_format():
    (format_, id_, kprobe), _ = session(f"cat {EVENT}/format", f"cat {EVENT}/id",
                                        "echo 'p:op tracing_on_show' > kprobe_events; cat events/kprobes/op/format",
                                        name="format")
    theirs = LINUX[LINUX.index("name: sched_switch"):].split("enable   filter")[0]
    equal(fields(format_), fields(theirs), "format: sched_switch has Linux's fields at Linux's places")
    shape = re.sub(r"ID: \d+", f"ID: {id_.strip()}", theirs)
    equal(format_.split("print fmt")[0], shape.split("print fmt")[0], "format: … and Linux's lines around them")
    ok(re.search(r'^\nprint fmt: "prev_comm=%s prev_pid=%d prev_prio=%d prev_state=%s.* ==> next_comm=%s next_pid=%d '
                 r'next_prio=%d", REC->prev_comm, REC->prev_pid, .*, REC->next_prio$', format_, re.M),
       "format: … and a print fmt in its language", format_)
    theirs = sample("kprobe-event-format.txt")
    equal(kprobe.splitlines()[2:9], theirs.splitlines()[2:9], "format: a probe's event begins as Linux's does")
    (calls,), _ = session("cat events/raw_syscalls/sys_exit/format", name="format")
    ok(re.search(r'^print fmt: "NR %ld %s = %ld", REC->id, __print_symbolic\(REC->id(, \{ \d+, "\w+" \})+\), REC->ret$', calls, re.M) and
       '{ 0, "null" }, { 1, "print" }' in calls, "format: names of numbers as a list that others can read", calls)
    contains(kprobe, 'print fmt: "(%lx)", REC->__probe_ip\n', "format: … and is printed as Linux's")


def test_empty():
    (filter_, trigger, hist, enable), _ = session(f"cat {EVENT}/filter", f"cat {EVENT}/trigger", f"cat {EVENT}/hist",
                                                  f"cat {EVENT}/enable events/enable events/sched/enable", name="empty")
    equal(filter_, "none\n", "empty: no filter is none")
    first, second = LINUX.splitlines()[:2]
    ours = trigger.splitlines()
    equal(ours[0], first, "empty: no trigger is Linux's heading")
    ok(set(ours[1].split()) <= set(second.split()) and {"traceon", "traceoff", "stacktrace", "hist"} <= set(ours[1].split()),
       "empty: … with those there are", trigger)
    equal((hist, enable), ("", "0\n0\n0\n"), "empty: no histogram, nothing enabled")


def test_names():
    (available, listed, sched, events), _ = session("cat available_events", "ls events", "ls events/sched",
                                                    f"ls {EVENT}", name="names")
    names = available.split()
    ok(len(names) == len(set(names)) and {n.split(":")[0] for n in names} == SYSTEMS, "names: available_events", available)
    equal({name.rstrip("/") for name in listed.split()} & SYSTEMS, SYSTEMS, "names: a folder for each system")
    ok("enable" in listed, "names: and one file for all", listed)
    equal(re.split(r"[\s/]+", sched.strip())[:2], ["enable", "filter"], "names: a system's files")
    equal([n.rstrip("/") for n in events.split()], ["enable", "filter", "format", "hist", "id", "trigger"],
          "names: an event's files are Linux's")
    systems, _ = session(*(f"ls events/{system}" for system in sorted(SYSTEMS)), name="names")
    equal([s for s, text in zip(sorted(SYSTEMS), systems) if not {"enable", "filter"} <= set(text.split())], [],
          "names: each system has them")


def test_lines():
    (text,), _ = session("echo 1 > events/enable; echo normal > rcu/gp; echo 0 > events/enable; cat trace", name="lines")
    trace = parse(text)
    equal(misshapen(trace, re.compile(r"[a-z_]+: \S.*")), [], "lines: each is of Linux's shape")
    ok(re.search(r": sched_switch: prev_comm=sh prev_pid=\d+ prev_prio=\d+ prev_state=[A-Z+]+ ==> next_comm=", text),
       "lines: sched_switch as Linux prints it", text)
    ok(re.search(r"rcu_grace_period: rcu_sched \d+ start\n", text), "lines: rcu_grace_period as Linux prints it")
    ok(all(ENTRY.fullmatch(line) for line in trace.lines), "lines: no other lines")


# ---- enable and set_event --------------------------------------------------------------------------------------------


def test_enable():
    (mixed, all_, off), _ = session("echo 1 > events/sched/sched_wakeup/enable; cat events/sched/enable events/enable "
                                    "events/irq/enable", "echo 1 > events/sched/enable; cat events/sched/enable events/enable",
                                    "echo 0 > events/enable; cat events/sched/enable events/enable set_event", name="enable")
    equal((mixed, all_, off), ("X\nX\n0\n", "1\nX\n", "0\n0\n"), "enable: 0, 1, and X where it is mixed")
    got, err = session("echo 2 > events/enable; echo > events/enable; echo x > events/sched/enable; echo -1 > "
                       f"{EVENT}/enable", "cat events/enable", status=1, name="enable")
    equal((err.count("write error: " + EINVAL), got[1]), (4, "0\n"), "enable: anything else is refused")


def test_set_event():
    pieces = (("echo sched_switch > set_event", ["sched:sched_switch"]),
              ("echo irq:irq_handler_entry >> set_event", ["irq:irq_handler_entry", "sched:sched_switch"]),
              ("echo 'rcu:*' > set_event", ["rcu:rcu_callback", "rcu:rcu_fqs", "rcu:rcu_grace_period", "rcu:rcu_invoke_callback"]),
              ("echo '!rcu:rcu_fqs !rcu_callback' >> set_event", ["rcu:rcu_grace_period", "rcu:rcu_invoke_callback"]),
              ("echo timer > set_event", ["timer:timer_expire_entry"]),
              ("echo '*:*' > set_event; echo '!*:*' >> set_event", []),
              ("echo 'sched: !sched:sched_switch !:sched_wakeup' > set_event", ["sched:sched_process_exit", "sched:sched_process_fork"]),
              ("echo > set_event", []))
    got, _ = session(*(f"{script}; cat set_event" for script, _ in pieces), name="set_event")
    for text, (script, want) in zip(got, pieces):
        equal(sorted(text.split()), want, f"set_event: {script}")


def test_set_event_whole():
    bad = ("nosuch", "sched:nosuch", "nosuch:*", "sched:sched_switch nosuch", "!", "sched_switch:", "!nosuch", "*",
           "irq:irq_handler_entry \x01", "x" * 4000)
    got, err = session("echo sched_wakeup > set_event", *(f"echo '{word}' > set_event; cat set_event" for word in bad),
                       "echo '\xff\xfe' >> set_event; cat set_event", "cat error_log", status=1, name="set_event")
    equal([text for text in got[1:-1] if text != "sched:sched_wakeup\n"], [], "set_event: a refused write changes nothing")
    equal(err.count("set_event: write error: " + EINVAL), len(bad) + 1, "set_event: … each is an error", err)
    contains(got[-1], "set_event: error: No such event\n", "set_event: … and is told in error_log")


# ---- filters ---------------------------------------------------------------------------------------------------------


def test_filter_error():
    theirs = LINUX[LINUX.index("bogus"):LINUX.index("name: sched_switch")]
    good = 'prev_pid > 5 && next_comm ~ "c*"'
    got, _ = session(f"echo '{good}' > {EVENT}/filter; cat {EVENT}/filter", f"echo 0 > {EVENT}/filter; cat {EVENT}/filter",
                     f"echo 'bogus == 1' > {EVENT}/filter; cat {EVENT}/filter", "cat error_log",
                     f"echo '  {good}  ' > {EVENT}/filter; cat {EVENT}/filter", status=1, name="filter")
    equal(got[0], good + "\n", "filter: reads as written")
    equal(got[1], "none\n", "filter: 0 clears")
    equal(got[2], theirs, "filter: a refused one reads as on Linux")
    contains(got[3], "event filter parse error: error: Field not found\n  Command: bogus == 1\n", "filter: … and is in error_log")
    equal(got[4], good + "\n", "filter: the next good one is all there is")


REFUSALS = (
    ("bogus == 1", "Field not found"), ("prev_pid", "Invalid operator"), ("prev_pid == ", "Invalid value (did you forget quotes)?"),
    ("prev_pid == 1x", "Illegal integer value"), ("prev_pid == 99999999999999999999", "Illegal integer value"),
    ("common_flags == -1", "Illegal integer value"), ('next_comm == "sh', "Missing matching quote"),
    ("next_comm == sh", "Invalid value (did you forget quotes)?"), ("next_comm == 1", "Expecting string field"),
    ('prev_pid == "1"', "Expecting numeric field"), ('next_comm > "a"', "Illegal operation for field type"),
    ("(prev_pid == 1", "Too many '('"), ("prev_pid == 1)", "Too few '('"), ("()", "Too few '('"),
    ("prev_pid == 1 &&", "Meaningless filter expression"), ("prev_pid == 1 prev_prio == 1", "Meaningless filter expression"),
    ("(" * 20 + "prev_pid == 1" + ")" * 20, "Too many '('"), ("||".join(["prev_pid==1"] * 40), "Too many terms in predicate expression"),
    (f'next_comm == "{"x" * 300}"', "Operand too long"), ("x" * 4000, "Operand too long"),
    ("\u00ff\u00fe == 1", "Meaningless filter expression"),
)


def test_filter_refusals():
    good = "next_pid != 0"
    script = [f"echo '{good}' > {EVENT}/filter"]
    script += [f"echo '{text}' > {EVENT}/filter; cat {EVENT}/filter" for text, _ in REFUSALS]
    got, _ = session(*script, status=1, name="refusals")
    for (text, words), shown in zip(REFUSALS, got[1:]):
        tail = f"^\nparse_error: {words}\n\nstill in force: {good}\n"
        ok(shown.endswith(tail), f"refusals: {text[:40]}: {words}", shown[-300:])


def test_system_filter():
    got, _ = session("echo 'prio > 3' > events/sched/filter; cat events/sched/sched_wakeup/filter events/sched/sched_process_exit/filter "
                     f"{EVENT}/filter", "echo 0 > events/sched/filter; cat events/sched/sched_wakeup/filter",
                     "echo 'nosuch == 3' > events/sched/filter; cat events/sched/sched_wakeup/filter",
                     "cat events/sched/filter", status=1, name="system filter")
    equal(got[0], "prio > 3\nprio > 3\nnone\n", "system filter: whoever has the field gets it")
    equal(got[1], "none\n", "system filter: 0 clears all")
    equal(got[2], "none\n", "system filter: of no event's fields: refused, and nothing changed")
    contains(got[3], "### global filter ###\n", "system filter: reads as on Linux")


# ---- triggers --------------------------------------------------------------------------------------------------------


def test_triggers():
    t = f"{EVENT}/trigger"
    got, _ = session(f"echo 'traceoff:3 if next_pid == 12345' > {t}; cat {t} {EVENT}/enable",
                     f"echo stacktrace >> {t}; cat {t}", f"echo '!traceoff' >> {t}; cat {t}", f"echo '!stacktrace' > {t}; cat {t} {EVENT}/enable",
                     f"echo 'hist:keys=next_comm:vals=hitcount:sort=next_comm.descending if next_pid > 0' > {t}; cat {t}; echo normal > rcu/gp; cat {EVENT}/hist",
                     f"echo '!hist:keys=next_comm' > {t}; cat {t}", name="triggers")
    equal(got[0], "traceoff:count=3 if next_pid == 12345\n0*\n", "triggers: with a count and a filter")
    equal(got[1], "traceoff:count=3 if next_pid == 12345\nstacktrace:unlimited\n", "triggers: two")
    equal(got[2], "stacktrace:unlimited\n", "triggers: one is taken away by its name")
    ok(got[3].startswith("# Available triggers:\n") and got[3].endswith("\n0\n"), "triggers: none is left", got[3])
    line, rest = got[4].split("\n", 1)
    equal(line, "hist:keys=next_comm:vals=hitcount:sort=next_comm.descending:size=2048 if next_pid > 0 [active]", "triggers: hist reads in full")
    ok(re.fullmatch(r"# event histogram\n#\n# trigger info: " + re.escape(line) + r"\n#\n\n(\{ next_comm: \S+ {30,49} \} hitcount: (?=[ \d]{10}\n) *\d+\n)+\n"
                    r"Totals:\n    Hits: \d+\n    Entries: \d+\n    Dropped: 0\n", rest), "triggers: a histogram of Linux's shape", rest)
    ok(got[5].startswith("# Available"), "triggers: … and it goes", got[5])


def test_trigger_refusals():
    t = f"{EVENT}/trigger"
    bad = ("nosuch", "traceoff:", "traceoff:x", "traceoff:99999999999", "traceoff:-1", "traceoff when prev_pid == 1", "traceoff if", "traceoff if ",
           "traceoff if bogus == 1", 'traceoff if next_comm == "', "traceoff if (prev_pid == 1", "hist", "hist:", "hist:keys=", "hist:keys=nosuch", "hist:keys=next_pid:vals=prev_pid",
           "hist:keys=next_pid:sort=prev_pid", "hist:keys=next_pid:size=0", "hist:keys=next_pid:size=1000000", "hist:keys=next_pid:nosuch", "!", "!nosuch",
           "traceoff\x01", "\u00ff", "x" * 4000, "traceon")
    got, _ = session(f"echo traceon > {t}", *(f"echo '{word}' >> {t}; cat {t}" for word in bad), "cat error_log", status=1, name="refusals")
    equal([word[:40] for word, text in zip(bad, got[1:]) if not text.endswith("traceon:unlimited\n") or text.count("unlimited") != 1], [],
          "refusals: of triggers, and none changed anything")
    contains(got[-1], "event trigger: error: ", "refusals: … each in error_log")


# ---- probes as events ------------------------------------------------------------------------------------------------


def test_probe_is_an_event():
    p = "events/kprobes/op"
    got, _ = session("echo 'p:op tracing_on_show' > kprobe_events; ls " + p + "; cat events/kprobes/enable",
                     f"echo 'common_pid == 99' > {p}/filter; echo kprobes:op > set_event; cat events/kprobes/enable set_event tracing_on; cat trace",
                     f"echo 0 > {p}/filter; echo hist:keys=common_pid > {p}/trigger; cat tracing_on tracing_on {p}/hist",
                     f"echo '!hist:keys=common_pid' > {p}/trigger; cat trace",
                     f"echo > trace; echo stacktrace:1 > {p}/trigger; cat tracing_on; echo '!stacktrace' > {p}/trigger; cat trace",
                     "echo > set_event; echo 'p:more/op echo_run' >> kprobe_events; echo > kprobe_events; cat available_events", status=1, name="probe")
    equal([n.rstrip("/") for n in got[0].split()], ["enable", "filter", "format", "hist", "id", "trigger", "0"], "probe: an event's files")
    equal(got[1].splitlines()[:3], ["1", "kprobes:op", "1"], "probe: set_event knows it")
    ok(not parse(got[1].split("\n", 3)[3]).lines, "probe: a filter keeps its hits out", got[1])
    equal([int(hits) for hits in re.findall(r"^\{ common_pid: (?=[ \d]{10} ) *\d+ \} hitcount: +(\d+)$", got[2], re.M)], [1, 1],
          "probe: counted by key: each file is read in a thread of its own", got[2])
    equal(sum(": op: (tracing_on_show+0x0/0x" in line for line in got[3].splitlines()), 2, "probe: recorded without a filter", got[3])
    ok(re.search(r" => record_\w+\n => tracing_on_show\n => tracefs_read\n", got[4]), "probe: a stack begins with the function whose entry it is at", got[4])
    ok("kprobes:" not in got[5], "probe: gone with its definition", got[5])


def test_probe_again():
    (got,), _ = session("echo 'p:a strcmp' > kprobe_events; echo 'p:a strlen' > kprobe_events; cat kprobe_events; echo traceon > "
                        "events/kprobes/a/trigger; cat events/kprobes/a/enable; echo > kprobe_events; echo '!traceon' > "
                        "events/kprobes/a/trigger; echo > kprobe_events; cat kprobe_events", name="probe again", status=1)
    equal(got, "p:kprobes/a strlen\n0*\n", "probe: defined anew under its name; with a trigger it can't go")


def test_probe_names():
    bad = ("p:sched/sched_switch tracing_on_show", "p:kprobes/enable tracing_on_show", "p:sched/filter tracing_on_show", "p:enable/x tracing_on_show")
    got, _ = session(*(f"echo '{line}' > kprobe_events; cat kprobe_events" for line in bad),
                     "echo 'p:sched/mine tracing_on_show' > kprobe_events; echo 1 > events/sched/enable; cat events/sched/enable set_event",
                     "echo 0 > events/sched/enable; echo > kprobe_events; cat events/sched/enable", status=1, name="probe names")
    equal([text for text in got[:4] if text], [], "probe names: a taken one is refused", got)
    ok("sched:mine\n" in got[4], "probe names: a probe may join a system", got[4])
    equal(got[5], "0\n", "probe names: … and leave it")


test_format()
test_empty()
test_names()
test_lines()
test_enable()
test_set_event()
test_set_event_whole()
test_filter_error()
test_filter_refusals()
test_system_filter()
test_triggers()
test_trigger_refusals()
test_probe_is_an_event()
test_probe_again()
test_probe_names()
done()
