#!/usr/bin/python3
"""One echo, end to end: through shell, server and kernel and back, by the events that a user turns on; and the filters for it."""

import re
import sys

sys.dont_write_bytecode = True
from nestling import TRACING, run
from tap import done, equal, ok

CD = f"cd {TRACING}\n"
CUT = "--\n"
LINE = re.compile(r" *(\S+)-(\d+) +\[(\d+)\] \S+ +[\d.]+: (\w+): (.*)")
SYSCALL = re.compile(r"NR (\d+) (\w+)(?:\((.*)\)| = (-?\d+))")
EVENTS = "echo 'raw_syscalls:* ipc_send ipc_receive ipc_reply file' > set_event\n"
PROBE = "echo 'p:file tracefs_write path=+0(%di):string' > kprobe_events\n"
SCENE = "echo > trace; echo 1 > tracing_on; echo hello > trace_marker; echo hello; echo 0 > tracing_on\n"


def session(*pieces, **options):
    result = run(CD + "echo 0 > tracing_on\n" + PROBE + EVENTS + "echo --\n".join(pieces), timeout=60, **options)
    equal(result.status, 0, f"{options}: all commands succeed", result.stdout[-1000:], result.stderr[-1000:])
    return result.stdout.split(CUT)


def events(text):
    """[(comm, pid, event, {field: value})]; of a system call "call" is its name."""
    found = []
    for line in text.splitlines():
        m = LINE.fullmatch(line)
        if not m:
            continue
        fields = dict(re.findall(r'(\w+)=(\S*)', m[5]))
        call = SYSCALL.fullmatch(m[5])
        if call:
            fields = {"NR": call[1], "call": call[2], "args": (call[3] or "").split(", "), "ret": call[4]}
        found.append((m[1], m[2], m[4], fields))
    return found


def message(trace, at):
    """What became of the call that begins there: [index], and what is wrong with it."""
    comm, pid, _, call = trace[at]
    _, _, event, sent = trace[at + 1]
    steps, server, wrong = [at, at + 1], None, []
    if event != "ipc_send" or sent["label"] != "0x" + call["args"][1]:
        return steps, [f"no ipc_send behind {trace[at]}: {trace[at + 1]}"]
    for i in range(at + 2, len(trace)):
        who, number, event, f = trace[i]
        if (who, number) == (comm, pid):
            if event != "sys_exit" or f["call"] != "ipc_call" or len(steps) < 4:
                wrong.append(f"it goes on before its answer: {trace[i]}")
            return steps + [i], wrong
        if event == "ipc_receive" and f["caller_pid"] == pid:
            server = number
            if (who, f["caller_comm"], f["endpoint"], f["badge"], f["label"]) != (sent["server"], comm, *(sent[n] for n in ("endpoint", "badge", "label"))):
                wrong.append(f"received is another than was sent: {trace[i]}")
            steps.append(i)
        elif number == server and event == "ipc_reply":
            if (f["caller_pid"], f["caller_comm"], f["endpoint"]) != (pid, comm, sent["endpoint"]):
                wrong.append(f"answered to another: {trace[i]}")
            steps.append(i)
        elif number == server and len(steps) == 3:
            steps.append(i) if event not in ("sys_enter", "sys_exit") else None
    return steps, ["it has no end"]


def between(trace, steps):
    """What the server did between the call and its answer."""
    receive = next(i for i in steps if trace[i][2] == "ipc_receive")
    reply = next(i for i in steps if trace[i][2] == "ipc_reply")
    return [e for e in trace[receive + 1:reply] if e[1] == trace[receive][1]]


def look(text, name):
    trace = events(text)
    calls = [i for i, e in enumerate(trace[:-1]) if e[0] == "sh" and e[2] == "sys_enter" and e[3]["call"] == "ipc_call"]
    told = [(trace[i + 1][3].get("server"), trace[i + 1][3].get("label"), *message(trace, i)) for i in calls]
    whole = [t for t in told if t[3] != ["it has no end"]]
    ok(len(told) - len(whole) <= 1, f"{name}: no call but the one that ends recording lacks its answer", told, text)
    equal([w for t in whole for w in t[3]], [], f"{name}: each call is sent, received as sent, answered to its caller, and returns", text)

    write = next((t for t in whole if t[:2] == ("tracefs", "0x3")), None)
    if ok(write, f"{name}: the shell asks tracefs to write", text):
        did = [(e[2], e[3].get("call") or e[3].get("path")) for e in between(trace, write[2])]
        equal([d for d in did if d != ("sys_exit", "ipc_receive")],
              [("sys_enter", "trace_write"), ("file", f'"{TRACING}/trace_marker"'), ("tracing_mark_write", None),
               ("sys_exit", "trace_write"), ("sys_enter", "ipc_reply")], f"{name}: … which asks the kernel, which writes the file", text)
    ok("tracing_mark_write: hello\n" in text, f"{name}: … with what was echoed", text)

    word = [t for t in whole if t[:2] == ("console", "0x601")]
    if ok(len(word) == 1, f"{name}: the shell asks the console to print, once", text):
        call = trace[word[0][2][0]][3]
        equal(int(call["args"][2], 16).to_bytes(6, "little"), b"hello\n", f"{name}: … what was echoed, in the message")
        out = [e[3]["args"] for e in between(trace, word[0][2]) if e[2] == "sys_enter" and e[3]["call"] == "ports_out"]
        equal("".join(chr(int(a[3], 16)) for a in out if a[1] == "3f8"), "hello\n", f"{name}: … which gives it to its port, letter by letter")


def test_filters(text):
    """Only what was asked for, by fields of the event and by who it is of."""
    seen = {(e[0], e[2], e[3].get("call") or e[3].get("server") or e[3].get("caller_comm")) for e in events(text)}
    equal(seen, {("sh", "ipc_send", "console"), ("console", "ipc_receive", "sh"), ("console", "ipc_reply", "sh"),
                 ("console", "sys_enter", "ipc_reply"), ("console", "sys_enter", "ports_in"), ("console", "sys_enter", "ports_out"),
                 ("console", "sys_enter", "ipc_receive")}, "filters: nothing else is recorded", text)


plain, restarted, filtered = session(
    SCENE + "cat trace\n", "kill tracefs\n" + SCENE + "cat trace\n",
    "echo 0 > events/enable; echo 1 > events/raw_syscalls/sys_enter/enable; echo 1 > events/nestling/enable\n"
    "echo 'comm == \"console\"' > events/raw_syscalls/sys_enter/filter\n"
    "echo 'server == \"console\"' > events/nestling/ipc_send/filter\n"
    "echo 'label == 0x601' > events/nestling/ipc_receive/filter\n"
    "echo 'caller_comm == \"sh\" && comm == \"console\"' > events/nestling/ipc_reply/filter\n" + SCENE + "cat trace | grep -v tracing_mark\n")
look(plain, "1 CPU")
look(restarted, "another server")
test_filters(filtered)
(two,) = session(SCENE + "cat trace\n", smp=2)
look(two, "2 CPUs")
done()
