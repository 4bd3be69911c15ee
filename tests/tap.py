"""Prints TAP, the lines `prove` reads, for tests written in Python."""

import sys

count = failures = 0


def ok(passed, name, *details):
    """One test; the details are shown when it fails, past prove, which would keep them."""
    global count, failures
    count += 1
    failures += not passed
    print(f"{'ok' if passed else 'not ok'} {count} - {name}", flush=True)
    if not passed:
        for detail in (name, *details):
            note(detail, file=sys.stderr)
    return passed


def equal(got, wanted, name, *details):
    return ok(got == wanted, name, f"got    {got!r}", f"wanted {wanted!r}", *details)


def contains(text, part, name):
    return ok(part in text, name, f"{part!r} is not in:", text)


def note(text, file=None):
    for line in str(text).splitlines() or [""]:
        print(f"# {line}", file=file, flush=True)


def skip_all(reason):
    print(f"1..0 # SKIP {reason}")
    sys.exit(0)


def done():
    print(f"1..{count}")
    sys.exit(min(failures, 1))
