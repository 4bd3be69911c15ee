#!/usr/bin/python3
"""What the chapters say that the kernel prints is what it prints."""

import importlib.machinery
import importlib.util
import os
import subprocess
import sys

sys.dont_write_bytecode = True
from nestling import ROOT, environment
from tap import done, equal, ok

TOOL = os.path.join(ROOT, "tools/docs-transcripts")


def load():
    loader = importlib.machinery.SourceFileLoader("transcripts", TOOL)
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("transcripts", loader))
    loader.exec_module(module)
    return module


TEXT = """Words.

```console
$ one
sh-10  [000] 0.000123: ipc_send: endpoint=0xffff888000123400 label=0x3
$ two
```

```console SMP=2 APPEND='test debug'
$ three
abc+0x12/0x34 of 1234
```
"""


def test_tool(tool):
    """Without a kernel: what is printed comes from here."""
    asked = []

    def answers(*texts):
        def run(options, script):
            asked.append((options, script))
            return texts[:2] if len(script) == 2 else texts[2:]
        return run

    same = ("sh-10 [000] 1.999999: ipc_send: endpoint=0xffff888000777700 label=0x3\n", "", "abc+0x1/0x2 of 987\n")
    tool.run = answers(*same)
    equal(tool.renew(TEXT), (TEXT, []), "addresses, times and large numbers may be others: nothing changes")
    equal(asked, [({}, ["one", "two"]), ({"SMP": "2", "APPEND": "test debug"}, ["three"])], "blocks are one session until options begin another")
    for name, other in (("a name", (same[0].replace("send", "reply"), *same[1:])), ("a small number", (same[0].replace("x3", "x4"), *same[1:])),
                        ("a line too many", (same[0], "more\n", same[2])), ("a line too few", ("", *same[1:]))):
        tool.run = answers(*other)
        new, lines = tool.renew(TEXT)
        ok(lines and new != TEXT, f"{name}: seen", lines)
        equal(new.split("```console")[0], "Words.\n\n", f"{name}: … and only the block is renewed")
        equal(tool.renew(new), (new, []), f"{name}: … by what is printed")


def test_cut(tool):
    """"…" for what isn't shown."""
    text = "```console\n$ one\nfirst\n…\nlast\n```\n"
    for printed, same in (("first\nlast\n", True), ("first\nmore\nand more\nlast\n", True), ("first\nlast\nmore\n", False), ("last\n", False)):
        tool.run = lambda options, script, printed=printed: [printed]
        equal(not tool.renew(text)[1], same, f"a cut: {printed!r}")


SCENE = "What it is.\n\n# one\n#! two\n\nAnd so on:\n\n    a -> b\n\n# three\n"
PLAYED = """
=== Scene 3: a title ===

What it is.

# one
    1 \\ #BP hit at f+0x1/0x20

    1 / #BP returns to f+0x1/0x20
# two
ffffffff80190f31  k  b+0x1
ffffffff80190f32  k  a+0x1
sh: two: Invalid argument

And so on:

    a -> b

# three
  free frames                        7adf             7ac1  processes run
"""
CHAPTER = """Before.

<!-- tour 3 -->
## Scene 3: a title

What it is.

```text
# one
    1 \\ #BP hit at f+0x1/0x20

    1 / #BP returns to f+0x1/0x20
# two
ffffffff80190f31  k  b+0x1
ffffffff80190f32  k  a+0x1
sh: two: Invalid argument
```

And so on:

    a -> b

```text
# three
  free frames                        7adf             7ac1  processes run
```
<!-- end -->

Behind.
"""


def test_scenes(tool):
    """What a scene says becomes text, what it does a block."""
    asked = []

    def answer(played):
        def run(options, script):
            asked.append((options, script))
            return [SCENE, played]
        tool.run = run

    answer(PLAYED)
    equal(tool.renew("Before.\n\n<!-- tour 3 -->\n<!-- end -->\n\nBehind.\n")[0], CHAPTER, "a scene is put where it belongs")
    equal(asked, [({}, ["tour show 3", "tour 3"])], "… as the shell shows and plays it")
    for name, old, new in (("an interrupt", "    1 / #BP", "    1 \\ vec240 hit at g+0x1/0x2\n    1 / #BP"), ("an address", "f+0x1/0x20", "f+0x3/0x30"),
                           ("frames", "7ac1  processes run", "7adf  same"), ("an order", "31  k  b+0x1\nffffffff80190f32  k  a", "32  k  a+0x1\nffffffff80190f33  k  b")):
        answer(PLAYED.replace(old, new))
        equal(tool.renew(CHAPTER), (CHAPTER, []), f"{name} may be another")
    for name, old, new in (("a function", "f+0x1", "g+0x1"), ("a record", "    1 / #BP returns to f+0x1/0x20\n", ""), ("an answer", "Invalid argument", "File exists"),
                           ("a probe", "a+0x1\n", "a+0x1    [OPTIMIZED]\n"),
                           ("a verdict", "processes run", "DIFFERENT")):
        answer(PLAYED.replace(old, new))
        ok(tool.renew(CHAPTER)[1], f"{name}: seen")
    for name, old, new in (("says", "And so on", "And on"), ("types", "# two", "# four")):
        answer(PLAYED.replace(old, new))
        try:
            found = tool.renew(CHAPTER)
        except ValueError as error:
            found = str(error)
        ok(f"not what the scene {name}: " in found, f"a scene that {name} something else", found)
    tool.run = lambda options, script: ["", "a b\n"]
    equal(tool.renew("<!-- tour matrix -->\n<!-- end -->\n")[0], "<!-- tour matrix -->\n```text\na b\n```\n<!-- end -->\n", "what is no scene is a block")


test_tool(load())
test_cut(load())
test_scenes(load())
result = subprocess.run([TOOL, "--check"], env=environment(), capture_output=True, text=True, check=False)
equal(result.returncode, 0, "every transcript in README.md and docs is what is printed now", result.stdout, result.stderr)
done()
