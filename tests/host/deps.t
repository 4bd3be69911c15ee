#!/usr/bin/python3
"""tools/deps on faked systems: what it installs or tells the user to type, and which tools are too old for it."""

import os
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(ROOT, "tests"))
from tap import contains, done, equal, ok

TMP = tempfile.TemporaryDirectory(prefix="nestling-deps-")
BIN = os.path.join(TMP.name, "bin")
CALLS = os.path.join(TMP.name, "calls")
INSTALLED = os.path.join(TMP.name, "installed")
RUN_SET = "gcc make nasm binutils libc6-dev libzydis-dev libelf-dev libdw-dev qemu-system-x86 grub-pc-bin grub-common xorriso mtools python3"

RELEASES = {
    "Debian": "ID=debian\n", "Ubuntu": 'ID=ubuntu\nID_LIKE="debian"\n', "Mint": 'ID=linuxmint\nID_LIKE="ubuntu debian"\n',
    "Fedora": "ID=fedora\n", "Rocky": 'ID="rocky"\nID_LIKE="rhel centos fedora"\n', "Arch": "ID=arch\n",
    "Plan 9": "ID=plan9\n",
}
TOOLS = {  # name: what it prints when asked for its version
    "gcc": "12.2.0", "nasm": "NASM version 2.16.01", "ld": "GNU ld (GNU Binutils; openSUSE Leap 15.5) 2.41.0",
    "qemu-system-x86_64": "QEMU emulator version 7.2.18 (Debian 1:7.2)", "make": "", "xorriso": "", "python3": "",
    "gdb": "", "prove": "", "cc": "", "spin": "",
}


def fake(name, body):
    path = os.path.join(BIN, name)
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"#!/bin/sh\n{body}\n")
    os.chmod(path, 0o755)


def log_call(name, then=""):
    return f'echo "{name} $*" >>"{CALLS}"\n{then}'


def system(release="Debian", installed="", uid=0, without=(), **versions):
    """A PATH with nothing but these fakes and the few real tools a shell script may count on."""
    shutil.rmtree(BIN, ignore_errors=True)
    os.mkdir(BIN)
    for name in ("sh", "sed", "tr", "env"):
        os.symlink(shutil.which(name), os.path.join(BIN, name))
    for name, version in {**TOOLS, **versions}.items():
        fake(name, f"echo '{version}'")
    fake("uname", f"echo {'Darwin' if release == 'macOS' else 'Linux'}")
    fake("id", f"echo {uid}")
    fake("apt-get", log_call("apt-get", "echo apt output; exit ${APT_STATUS-0}"))
    fake("sudo", log_call("sudo", '"$@"'))
    # As dpkg-query does: a line for each package it knows, an error for the others.
    fake("dpkg-query", f'shift 3; for p; do case " $(sed "" {INSTALLED}) " in *" $p "*) echo "installed $p";; '
                       '*" -$p "*) echo "config-files $p";; esac; done; exit 1')
    for name in without:
        os.unlink(os.path.join(BIN, name))
    with open(INSTALLED, "w", encoding="utf-8") as file:
        file.write(installed)
    with open(os.path.join(TMP.name, "os-release"), "w", encoding="utf-8") as file:
        file.write('NAME="x"\nVERSION_ID="1"\n' + RELEASES.get(release, ""))


def deps(*words, **env):
    if os.path.exists(CALLS):
        os.unlink(CALLS)
    result = subprocess.run([os.path.join(BIN, "sh"), os.path.join(ROOT, "tools/deps"), *words], text=True,
                            capture_output=True, check=False, stdin=subprocess.DEVNULL,
                            env={"PATH": BIN, "OS_RELEASE": os.path.join(TMP.name, "os-release"), **env})
    result.calls = []
    if os.path.exists(CALLS):
        with open(CALLS, encoding="utf-8") as file:
            result.calls = file.read().splitlines()
    equal(result.stdout, "", f"stdout stays empty: {' '.join(words) or 'deps'}")
    return result


def test_apt():
    for release in ("Debian", "Ubuntu", "Mint"):
        system(release, installed=RUN_SET.replace("nasm", "-nasm").replace("xorriso ", ""))
        result = deps("run")
        equal(result.returncode, 0, f"{release}: status 0", result.stderr)
        equal(result.calls, ["apt-get -q update", "apt-get -q install -y --no-install-recommends nasm xorriso"],
              f"{release}: exactly the missing packages are installed, also one that was only removed")
        contains(result.stderr, "installing with apt-get: nasm xorriso\n", f"{release}: it says what it installs")
        contains(result.stderr, "apt output", f"{release}: apt's own output is on stderr")
    system(installed=RUN_SET)
    result = deps()
    equal((result.returncode, result.calls, result.stderr), (0, [], ""), "nothing missing: nothing done, nothing said")
    result = deps("test")
    contains(" ".join(result.calls), "libcmocka-dev python3-pexpect gdb perl spin", "the test set has more")
    ok("nasm" not in " ".join(result.calls), "… but not what is there", result.calls)
    contains(" ".join(deps("check").calls), "perl spin cppcheck clang-tidy clang-format", "the check set has the linters too")


def test_apt_refusals():
    system(installed="")
    result = deps("--check")
    equal((result.returncode, result.calls), (1, []), "--check installs nothing")
    contains(result.stderr, f"missing packages: {RUN_SET}\n", "… but lists what is missing")
    result = deps(APT_STATUS="100")
    equal(result.returncode, 1, "a failing apt-get is an error")
    contains(result.stderr, "could not install: gcc make", "… that says so")
    system(installed=RUN_SET.replace("nasm", ""), uid=1000)
    result = deps()
    contains("\n".join(result.calls), "sudo env DEBIAN_FRONTEND=noninteractive apt-get -q install", "a user goes through sudo")
    contains(result.stderr, "installing with sudo apt-get: nasm\n", "… and is told")
    system(installed=RUN_SET.replace("nasm", ""), uid=1000, without=["sudo"])
    result = deps()
    equal((result.returncode, result.calls), (1, []), "a user without sudo installs nothing")
    contains(result.stderr, "as root, type: apt-get install --no-install-recommends nasm\n", "… and is told what to type")
    equal(deps("--foo").returncode, 1, "an unknown word is refused")


def test_elsewhere():
    for release, command in (
            ("Fedora", "type: sudo dnf install gcc make nasm binutils zydis-devel elfutils-libelf-devel elfutils-devel qemu-system-x86 grub2-pc-modules grub2-tools-extra xorriso mtools python3\n"),
            ("Rocky", "type: sudo dnf install gcc"),
            ("Arch", "type: sudo pacman -S --needed gcc make nasm binutils zydis libelf qemu-system-x86 grub libisoburn mtools python\n"),
            ("macOS", "type: brew install x86_64-elf-gcc x86_64-elf-binutils make nasm qemu i686-elf-grub xorriso mtools python3\n"),
            ("Plan 9", f"unknown to tools/deps; Debian's names for what it takes: {RUN_SET}\n")):
        system(release, without=["nasm", "xorriso"])
        result = deps()
        equal((result.returncode, result.calls), (1, []), f"{release}: stops without installing", result.stderr)
        contains(result.stderr, "missing: nasm xorriso\n", f"{release}: names what is missing")
        contains(result.stderr, command, f"{release}: prints the command")
        system(release)
        result = deps()
        equal((result.returncode, result.stderr), (0, ""), f"{release}: content when all tools are there")
    for release, package in (("Fedora", "zydis-devel"), ("Arch", "python-pexpect"), ("macOS", "pip install pexpect")):
        system(release, without=["gdb"])
        result = deps("test")
        contains(result.stderr, "missing: gdb\n", f"{release}: the test set looks for gdb")
        contains(result.stderr, package, f"{release}: … and names the tests' packages")
    system("macOS", without=["spin"])
    contains(deps("test").stderr, "missing: spin\n", "macOS: the test set looks for spin")
    system("Fedora", without=["spin"])
    equal(deps("test").returncode, 0, "Fedora has no package of it: none is asked for")
    system("Fedora")
    fake("cc", "exit 1")
    fake("python3", "exit 1")
    contains(deps("test").stderr, "missing: Zydis/Zydis.h gelf.h elfutils/libdw.h cmocka.h pexpect\n",
             "headers and modules are looked for")
    contains(deps("run").stderr, "missing: Zydis/Zydis.h gelf.h elfutils/libdw.h\n", "… the build's own without the tests'")
    system("macOS")
    fake("cc", "exit 1")
    equal(deps("run").returncode, 0, "macOS has no libdw: none is asked for")


def test_versions():
    for tool, version, message in (
            ("gcc", "9.4.0", "gcc 9.4.0 is too old: Nestling needs gcc 10.0 or newer"),
            ("nasm", "NASM version 2.13.02", "nasm 2.13.02 is too old: Nestling needs nasm 2.14 or newer"),
            ("qemu-system-x86_64", "QEMU emulator version 5.2.0 (Debian 1:5.2+dfsg-11+deb11u3)", "qemu-system-x86_64 5.2.0 is too old"),
            ("ld", "GNU ld (GNU Binutils; SUSE 15.5) 2.34", "binutils 2.34 is too old: Nestling needs binutils 2.35"),
            ("gcc", "gibberish", "gcc does not run")):
        system(installed=RUN_SET, **{tool: version})
        result = deps()
        equal(result.returncode, 1, f"{tool} {version}: refused")
        contains(result.stderr, message, f"{tool} {version}: named")
    for tool, version in (("gcc", "10"), ("gcc", "14.2.1"), ("nasm", "NASM version 3.0"), ("ld", "GNU ld version 2.35-14.fc39"),
                          ("qemu-system-x86_64", "QEMU emulator version 10.0.2")):
        system(installed=RUN_SET, **{tool: version})
        result = deps()
        equal((result.returncode, result.stderr), (0, ""), f"{tool} {version}: accepted")
    system(installed=RUN_SET, **{"x86_64-elf-gcc": "8.1.0"})
    contains(deps().stderr, "gcc 8.1.0 is too old", "the cross compiler is the one that counts")
    equal(deps(CROSS_COMPILE="").returncode, 0, "… unless CROSS_COMPILE chooses another")


test_apt()
test_apt_refusals()
test_elsewhere()
test_versions()
done()
