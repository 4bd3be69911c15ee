#!/usr/bin/python3
"""A probe on every instruction of .text while the kernel's tests and commands run: what they say must not change.

A sample, chosen by SEED, by one of the techniques or (STRESS=) all; SWEEP=all ("make sweep") takes all instructions, many at a time and
some one by one, by each technique on one CPU and on four, and leaves a report in build/sweep.txt. What is hit by any of these runs is
hit: what the kernel does differs. TECHNIQUES=, CPUS= and ONES= take a part.
"""

import collections
import os
import random
import re
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import nestling
import tap

TECHNIQUES = ("step", "int3", "emulate", "boost", "jump", "ftrace", "auto")
TOTAL = re.compile(r"^sweep: total (\w+): (\d+) exist, (\d+) probed, (\d+) hit, (\d+) refused$", re.M)
WRONG = re.compile(r"^sweep: wrong: .*(?:\n    .*)*", re.M)
ONES = re.compile(r"^sweep: one by one: (\d+) probed, (\d+) hit$", re.M)
REFUSED = re.compile(r"^sweep: refused .: (\d+): (.*)$", re.M)
FUNCTION = re.compile(r"^sweep: (\S+): \d+ exist, \d+ probed, \d+ hit, \d+ refused(?:: (.*?))?: ([ .x?A-Z]+)$", re.M)
SUMMARY = re.compile(r"^sweep: (?:not hit: |refused .: |one by one|\d+ wrong|total).*$", re.M)
BATCH = 2000  # of very many, tests find their own places taken, and give up
AGAIN = {"auto": 3000}  # what isn't hit, once more and with what takes long: by the technique that has all places
REPORT = os.path.join(nestling.ROOT, "build/sweep.txt")

# What may be refused; any other reason is a failure. First by whatever technique, then by the one named.
MAY_BE_REFUSED = {
    None: r"A static key's branch: .*|Its function exchanges these bytes itself|Instruction can't be displaced: .*",
    "step": r"Instruction can't be stepped: .*",
    "int3": r"Instruction can't (?:run from a copy|be followed by another in its copy): .*",
    "boost": r"Instruction can't (?:run from a copy|be followed by another in its copy): .*",
    "jump": r"No jump: .*",
    "emulate": r"Instruction can't be emulated: .*",
    "ftrace": r"The function tracer can't call here: .*|The function tracer has the entry",
    "auto": r"The function tracer has the entry",
}


def unexpected(technique, output):
    known = "|".join(filter(None, (MAY_BE_REFUSED[None], MAY_BE_REFUSED.get(technique))))
    return [why for _, why in REFUSED.findall(output) if not re.fullmatch(known, why)]


def parts(output):
    """What each of several sweeps in one output says, by technique."""
    at, found = 0, {}
    for total in TOTAL.finditer(output):
        found[total[1]] = output[at:total.end()]
        at = total.end()
    return found


def check(name, technique, output, least):
    """@least: of those probed so many percent are hit."""
    tap.equal(unexpected(technique, output), [], f"{name}: nothing is refused for a reason that isn't known")
    _, exist, probed, hit, refused = TOTAL.search(output).groups()
    tap.note(f"{name}: {exist} exist, {probed} probed, {hit} hit, {refused} refused")
    tap.ok(int(probed) > 0 and 100 * int(hit) >= least * int(probed), f"{name}: at least {least} % are hit")


def sweep(name, techniques, arguments, least, append="test", **options):
    result = nestling.run("\n".join(f"sweep {technique} {arguments}" for technique in techniques), append=append, **options)
    tap.equal(WRONG.findall(result.stdout), [], f"{name}: nothing changes")
    found = parts(result.stdout)
    tap.equal(list(found), list(techniques), f"{name}: runs to its end", result.stdout[-1500:], result.stderr[-3000:])
    for technique, output in found.items():
        check(f"{name}, {technique}", technique, output, least)
    return result


def functions(output):
    """Of each function, in order: its name, why not all of it is hit, and a letter for each instruction."""
    return FUNCTION.findall(output)


def together(runs):
    """What several runs hit between them."""
    united = []
    for same in zip(*filter(None, map(functions, runs))):  # one that didn't end has nothing to say
        letters = "".join(min(each, key=lambda letter: "x.".find(letter) % 3)
                          for each in zip(*(of_run[2] for of_run in same)))
        united.append((same[0][0], next((why for _, why, each in same if "x" in each and why), same[-1][1]), letters))
    return united


def report_together(name, united, report):
    """How many were hit, in percent; the rest by function."""
    hit, missed = (sum(letters.count(letter) for _, _, letters in united) for letter in "x.")
    rest = [(letters.count("."), function, why) for function, why, letters in united if "." in letters]
    print(f"=== {name}: {hit + missed} probed, {hit} hit", file=report)
    for count, function, why in rest:
        print(f"{count} of {function}: {why}", file=report, flush=True)
    reasons = collections.Counter()
    for count, _, why in rest:
        reasons[why] += count
    for why, count in reasons.most_common():
        tap.note(f"{name}: not hit: {count}: {why}")
    return 100 * hit / max(hit + missed, 1)


def everything():
    techniques = os.environ.get("TECHNIQUES", " ".join(TECHNIQUES)).split()
    all_cpus = [int(n) for n in os.environ.get("CPUS", "1 4").split()]
    runs = []
    with open(REPORT, "w", encoding="utf-8") as report:
        for technique in techniques:
            for cpus in all_cpus:
                name, start = f"{technique}, SMP={cpus}", time.monotonic()
                again = AGAIN.get(technique, 0)
                arguments = f"batch={BATCH} again={again} slow={bool(again):d} limit=100 map=1 ones={os.environ.get('ONES') or 97}"
                result = sweep(name, [technique], arguments, 0, smp=cpus, timeout=7200,
                               append=f"test sweep={technique}")
                print(f"=== {name}\n{result.stdout}", file=report, flush=True)
                for line in SUMMARY.findall(result.stdout):
                    tap.note(f"{name}: {line.removeprefix('sweep: ')}")
                tap.note(f"{name}: {time.monotonic() - start:.0f} s")
                one = ONES.search(result.stdout)
                tap.ok(one and int(one[2]) > 0, f"{name}: one by one", one and one[0])
                runs.append(result.stdout)
        percent = report_together("together", together(runs), report)
        tap.ok(percent >= 90, f"together: {percent:.1f} % are hit, at least 90")


def sample():
    seed = int(os.environ.get("SEED") or random.randrange(1 << 16))
    tap.note(f"SEED={seed}")
    # Each technique runs the whole workload once: here one of them, by the seed, and in the torture all.
    techniques = TECHNIQUES if int(os.environ.get("STRESS") or 1) > 1 else random.Random(seed).sample(TECHNIQUES, 1)
    sweep("sample", techniques, f"seed={seed} stride=199 limit=100", 30, smp=1, timeout=300)


def that_it_can_fail():
    """A handler that spoils what a function returns is seen; so is a refusal that isn't known."""
    techniques = [technique for technique in TECHNIQUES if technique != "ftrace"]  # its call comes before what is spoiled
    result = nestling.run("\n".join(f"sweep {technique} plant=1" for technique in techniques), append="test",
                          smp=1, timeout=60)
    tap.equal(re.findall(r"^sweep: wrong: .*", result.stdout, re.M), ["sweep: wrong: code.planted"] * len(techniques),
              "a planted wrong result is seen, by each technique", result.stdout[-1500:])
    tap.equal(result.status, 1, "and is the command's failure")
    tap.equal(unexpected("step", "sweep: refused A: 1: The function tracer can't call here: it is no function's entry\n"),
              ["The function tracer can't call here: it is no function's entry"], "a refusal that isn't known is seen")


if os.environ.get("SWEEP"):
    everything()
else:
    that_it_can_fail()
    sample()
tap.done()
