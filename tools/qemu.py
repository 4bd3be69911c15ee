"""QEMU's command line for Nestling, made from the options in the environment (tools/run --help lists them)."""

import math
import os
import re
import shlex
import shutil
import subprocess

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
APPEND_MAX = 4000  # QEMU's -append holds about 4 KiB
OLDEST_QEMU = (6, 0)


class UsageError(Exception):
    """Something makes it pointless to start QEMU."""


def option(name, default="", pattern=None, wanted=""):
    value = os.environ.get(name) or default
    if pattern and value and not re.fullmatch(pattern, value):
        raise UsageError(f"{name}={value!r}: {wanted}")
    return value


def number(name, default):
    value = option(name, default)
    try:
        result = float(value)
    except ValueError:
        result = 0
    if not (result > 0 and math.isfinite(result)):
        raise UsageError(f"{name}={value!r}: not a positive number")
    return result


def existing(name, default):
    path = option(name, os.path.join(ROOT, default))
    if not os.access(path, os.R_OK):
        raise UsageError(f"{name}={path}: no such readable file (has it been built?)")
    return os.path.abspath(path)


def kernel_options():
    words = option("APPEND", "", r"[^'\"\\\x00-\x1f\x7f]*", "quotes, backslashes and control characters don't travel")
    if len(os.fsencode(words)) > APPEND_MAX:
        raise UsageError(f"APPEND is longer than {APPEND_MAX} bytes")
    return words


def find_qemu():
    name = option("QEMU", "qemu-system-x86_64")
    qemu = shutil.which(name)
    if not qemu:
        raise UsageError(f"{name} is not installed: tools/deps installs it")
    out = subprocess.run([qemu, "--version"], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    found = re.search(r"version (\d+)\.(\d+)", out.stdout)
    if not found:
        raise UsageError(f"{qemu} --version says no version: {(out.stdout + out.stderr).strip()[:200]!r}")
    if tuple(map(int, found.groups())) < OLDEST_QEMU:
        raise UsageError(f"{qemu} is version {'.'.join(found.groups())}: Nestling needs 6.0 or newer")
    return qemu


def private_iso(kernel, words, tmp):
    """GRUB takes the kernel's options from the ISO, so options of one run need an ISO of their own."""
    iso = os.path.join(tmp, "nestling.iso")
    if subprocess.run([os.path.join(ROOT, "tools/mkiso"), kernel, iso, *words.split()], check=False).returncode:
        raise UsageError("tools/mkiso could not make an ISO for APPEND")
    return iso


def boot_arguments(tmp):
    words = kernel_options()
    if option("BOOT", "pvh", "iso|pvh", "choose iso or pvh") == "iso":
        iso = private_iso(existing("KERNEL", "build/nestling.elf"), words, tmp) if words \
            else existing("ISO", "build/nestling.iso")
        return ["-drive", f"file={quoted(iso)},format=raw,media=cdrom,readonly=on", "-boot", "d"]
    initrd = option("INITRD", os.path.join(ROOT, "build/initrd.cpio"))
    return ["-kernel", existing("KERNEL", "build/nestling.elf")] + (["-append", words] if words else []) \
        + (["-initrd", initrd] if os.path.exists(initrd) else [])


def quoted(path):
    """QEMU's option syntax: a comma inside a value is doubled."""
    return path.replace(",", ",,")


def machine_arguments():
    accel = option("ACCEL", "tcg", r"[a-z0-9_,=-]+", "not an accelerator's name")
    args = ["-machine", "pc", "-accel", accel, "-cpu", "max", "-nic", "none", "-display", "none", "-no-reboot"]
    args += ["-m", option("MEM", "128M", r"[1-9][0-9]*[KMGkmg]?", "a size is a number with K, M or G")]
    smp = option("SMP", "1", r"[1-9][0-9]{0,2}", "not a number of processors (1 to 255)")
    if int(smp) > 255:
        raise UsageError(f"SMP={smp}: at most 255 processors")
    args += ["-smp", smp, "-device", "isa-debug-exit,iobase=0xf4,iosize=0x04"]
    if option("ICOUNT", "0", "[01]", "1 or 0") == "1":
        if not accel.startswith("tcg"):
            raise UsageError(f"ICOUNT=1 needs ACCEL=tcg, not {accel}")
        args += ["-icount", "shift=0,sleep=off", "-fw_cfg", "name=opt/nestling/icount,string=1"]
    return args


def wiring_arguments(cmd, log, tmp):
    """Console, kernel log, commands, debugger and monitor."""
    args = ["-serial", "mon:stdio"] if cmd is None else ["-monitor", "none", "-serial", "stdio"]
    args += ["-chardev", f"file,id=log,path={quoted(log)}", "-device", "isa-debugcon,iobase=0xe9,chardev=log"]
    # QEMU exits 0 after a triple fault; only this log tells that from a plain reset.
    args += ["-d", "cpu_reset", "-D", os.path.join(tmp, "qemu.log")]
    if cmd is not None:
        path = os.path.join(tmp, "cmd")
        with open(path, "wb") as file:
            file.write(cmd)
        args += ["-fw_cfg", f"name=opt/nestling/cmd,file={quoted(path)}"]
    port = option("GDB", "", r"[0-9]{1,5}", "not a port number")
    if port:
        args += ["-gdb", f"tcp:127.0.0.1:{port}", "-S"]
    if option("MONITOR"):
        args += ["-qmp", f"unix:{quoted(option('MONITOR'))},server=on,wait=off"]
    try:
        return args + shlex.split(option("QEMU_EXTRA"))
    except ValueError as error:
        raise UsageError(f"QEMU_EXTRA: {error}") from None
