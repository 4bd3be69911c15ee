#!/usr/bin/python3
"""docs/syscalls.md has a section for each system call, and its errors are those that the kernel's source can give."""

import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.dont_write_bytecode = True
sys.path[:0] = [os.path.join(ROOT, "tests"), os.path.join(ROOT, "tests/host")]
from tap import done, equal, ok
from tree import source_files

BOOK = "docs/syscalls.md"
FOLDERS = ("kernel/", "mm/", "tracefs/")
# Said in the source, and seen by nobody who makes the call.
UNSEEN = {name: {"EBADF"} for name in ("SYS_memory_create", "SYS_endpoint_create", "SYS_notification_create", "SYS_process_create")}
# (What is new has a reference. For messages: one function has all four calls; no message is EAGAIN inside; who gives has the error.)
UNSEEN.update(SYS_ipc_call={"EAGAIN", "ENOENT"}, SYS_ipc_receive={"EAGAIN", "ENOENT", "EBUSY", "EMFILE", "ENOMEM"},
              SYS_ipc_reply={"EAGAIN", "EPIPE", "ETIMEDOUT"}, SYS_ipc_reply_receive={"EAGAIN"},
              SYS_trace_stat={"EISDIR"})  # that is the answer
KILLED = {"EINTR"}  # a killed thread never sees it
# Who is called by others than the text of a call says: a thread of the kernel's, a table.
BY_OTHER_WAYS = {"sys_stream_read": [("kernel/stream.c", "run")]}
# Lost on the way: a fault in a copy is EFAULT or ENOMEM, whatever was wrong with the page.
LOST = {"copy_all": {"EACCES"}}


def read(path):
    with open(os.path.join(ROOT, path)) as file:
        return file.read()


def numbers(text):
    """The enum's names, in order."""
    body = re.sub(r"/\*.*?\*/", "", re.search(r"enum \{(.*?)\};", text, re.S)[1], flags=re.S)
    return re.findall(r"\bSYS_\w+", body)


def named(text):
    """Those that have an entry in the table of names."""
    return ["SYS_" + name for name in re.findall(r"^\tNAME\((\w+)\),$", text, re.M)]


def sections(text):
    """[(number, name, {errno})]: errors are the lines that begin with one."""
    found = []
    for part in re.split(r"^(?=###? )", text, flags=re.M):
        head = re.match(r"### (\d+): (SYS_\w+)\n", part)
        if head:
            items = re.findall(r"^- ((?:E[A-Z0-9]+(?:, )?)+):", part, re.M)
            found.append((int(head[1]), head[2], {e for item in items for e in item.split(", ")}))
    return found


FUNCTION = re.compile(r"^(?!static_assert)[a-z][\w \*]*?\b(\w+)\([^;{}]*?\)\n?[ ]?\{(.*?)\}$(?=\n(?:\n|[^ \t]|\Z))", re.M | re.S)


def functions(paths):
    """{name: [(path, is static, errors, names called)]}"""
    found = {}
    for path in paths:
        text = re.sub(r'"(?:\\.|[^"\\\n])*"|/\*.*?\*/', " ", read(path), flags=re.S)
        for m in FUNCTION.finditer(text):
            entry = (path, "static" in m[0].split("(")[0], set(re.findall(r"-(E[A-Z0-9]{2,})\b", m[2])), set(re.findall(r"\b(\w+)\(", m[2])))
            found.setdefault(m[1], []).append(entry)
    return found


def reach(known, start, folders):
    """The errors in that function's text, and in all that it calls inside these folders."""
    def errors(path, name, seen):
        here = [f for f in known.get(name, ()) if f[0] == path] or [f for f in known.get(name, ()) if not f[1]]
        result = set()
        for where, _, own, called in here:
            if (where, name) in seen or not where.startswith(folders):
                continue
            seen.add((where, name))
            result |= own
            for other in called:
                result |= errors(where, other, seen)
        return result - LOST.get(name, set())

    seen = set()
    result = errors("kernel/syscall.c", start, seen)
    for path, name in BY_OTHER_WAYS.get(start, ()):
        result |= errors(path, name, seen)
    return result


def handlers(text):
    return dict(re.findall(r"\[(SYS_\w+)\] = (\w+)", text))


calls = numbers(read("abi/syscall.h"))
book = sections(read(BOOK))
table = handlers(read("kernel/syscall.c"))
equal([(n, name) for n, name, _ in book], list(enumerate(calls)), f"{BOOK} has a section for each number, in order")
equal(sorted(table), sorted(calls), "each has a handler")
equal([n for n in re.findall(r"\bSYS_\w+", read(BOOK)) if n not in calls], [], "no call is spoken of that isn't there")
equal(named(read("abi/syscall_names.c")), [c for c in calls if c.startswith("SYS_")], "each has a name for who prints it, in order")
errnos = set(re.findall(r"#define (E[A-Z0-9]+)", read("abi/errno.h")))
equal(sorted(set(re.findall(r"\bE[A-Z0-9]{3,}\b", read(BOOK))) - errnos - {"EXECUTE"}), [], "all error numbers are in abi/errno.h")

known = functions([path for path in source_files(ROOT) if path.endswith(".c") and path.startswith(FOLDERS)])
for n, name, errors in book:
    handler = table.get(name, "")
    ok(handler in known, f"{name}: its handler is found", handler)
    can = reach(known, handler, FOLDERS) - KILLED - UNSEEN.get(name, set())
    ok(errors <= can, f"{name}: what the book says can come", *sorted(errors - can))
    ok(can <= errors, f"{name}: what can come is in the book", *sorted(can - errors))
done()
