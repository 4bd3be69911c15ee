#!/usr/bin/python3
"""tools/run against a fake QEMU: every option's words, every ending's status, and no process left behind."""

import os
import pty
import signal
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(ROOT, "tests"))
from tap import contains, done, equal, ok

RUN = os.path.join(ROOT, "tools/run")
TMP = tempfile.TemporaryDirectory(prefix="nestling-run-")
DIR = TMP.name

# Records its words and its command file, then does what $FAKE_DO says.
FAKE = r"""#!/bin/sh
if [ "$1" = --version ]; then
	echo "QEMU emulator version ${FAKE_VERSION-7.2.1} (fake)"
	exit
fi
printf '%s\0' "$@" >argv
for word; do
	case $word in
	name=opt/nestling/cmd,file=*) cp "${word#*file=}" cmd ;;
	file,id=log,path=*) log=${word#*path=} ;;
	*/qemu.log) qemu_log=$word ;;
	esac
done
eval "$FAKE_DO"
"""


def path(name):
    return os.path.join(DIR, name)


def write(name, data, mode=0o644):
    with open(path(name), "wb") as file:
        file.write(data)
    os.chmod(path(name), mode)
    return path(name)


def read(name):
    with open(path(name), "rb") as file:
        return file.read()


def environment(**options):
    env = {"PATH": os.environ["PATH"], "QEMU": path("qemu"), "KERNEL": path("kernel"), "ISO": path("iso"),
           "LOG": path("log"), "FAKE_DO": "exit 33"}
    env.update(options)
    return {name: value for name, value in env.items() if value is not None}


def run(*words, **options):
    """Runs tools/run in a clean environment; the words QEMU got are in .argv, None if it was not started."""
    for name in ("argv", "cmd"):
        if os.path.exists(path(name)):
            os.unlink(path(name))
    result = subprocess.run([RUN, *words], cwd=DIR, env=environment(**options), stdin=subprocess.DEVNULL,
                            capture_output=True, check=False)
    result.err = result.stderr.decode()
    result.argv = read("argv").decode().split("\0")[:-1] if os.path.exists(path("argv")) else None
    return result


def has(argv, *words):
    """Do these words stand in argv, next to each other?"""
    return any(tuple(argv[i:i + len(words)]) == words for i in range(len(argv)))


def test_words():
    argv = run(CMD="ls").argv
    for words in (["-machine", "pc"], ["-accel", "tcg"], ["-cpu", "max"], ["-nic", "none"], ["-display", "none"],
                  ["-no-reboot"], ["-device", "isa-debug-exit,iobase=0xf4,iosize=0x04"], ["-m", "128M"],
                  ["-smp", "1"], ["-kernel", path("kernel")], ["-serial", "stdio"], ["-device", "isa-debugcon,iobase=0xe9,chardev=log"],
                  ["-chardev", f"file,id=log,path={path('log')}"]):
        ok(has(argv, *words), f"by default QEMU gets {' '.join(words).replace(DIR, '')}", argv)
    for word in ("-icount", "-gdb", "-S", "-qmp", "-append"):
        ok(word not in argv, f"by default QEMU doesn't get {word}", argv)
    for options, words in (
            ({"MEM": "16M"}, ["-m", "16M"]), ({"SMP": "4"}, ["-smp", "4"]), ({"ACCEL": "kvm"}, ["-accel", "kvm"]),
            ({"ICOUNT": "1"}, ["-icount", "shift=0,sleep=off"]), ({"APPEND": "debug a=b"}, ["-append", "debug a=b"]),
            ({"GDB": "2345"}, ["-gdb", "tcp:127.0.0.1:2345", "-S"]),
            ({"MONITOR": "a,b"}, ["-qmp", "unix:a,,b,server=on,wait=off"]),
            ({"QEMU_EXTRA": "-d 'int x'"}, ["-d", "int x"]),
            ({"BOOT": "iso"}, ["-drive", f"file={path('iso')},format=raw,media=cdrom,readonly=on"]),
            ({"LOG": "sub/a,b"}, ["-chardev", f"file,id=log,path={path('sub/a,,b')}"])):
        argv = run(CMD="ls", **options).argv or []
        ok(has(argv, *words), f"{options} gives {' '.join(words).replace(DIR, '')}", argv)
    argv = run(CMD="ls", MEM="", SMP="", BOOT="", TIMEOUT="", APPEND="", ICOUNT="", GDB="").argv
    ok(argv and has(argv, "-m", "128M") and "-append" not in argv, "empty options are defaults", argv)
    ok("-kernel" not in run(CMD="ls", BOOT="iso").argv, "the ISO boots without -kernel")


def test_commands():
    text = "echo 'a  \"b\" $HOME `x` \\n' ;\n\ttab, comma # %s $(y) \u00e9\n\n"
    run(CMD=text)
    equal(read("cmd").decode(), text, "CMD arrives byte for byte")
    raw = bytes(range(256))
    write("script", raw)
    run(SCRIPT="script")
    equal(read("cmd"), raw, "so does SCRIPT, from the current directory")
    run()
    equal(read("cmd"), b"tour all; poweroff", "without a terminal the tour is played")
    run(CMD="x" * 65536)
    equal(len(read("cmd")), 65536, "CMD may be 64 KiB long")


def test_statuses():
    for qemu, status, reason in ((33, 0, "ok"), (35, 1, "a command failed"), (37, 2, "panic"), (0, 2, "reset"),
                                 (1, 2, "exit status 1"), (39, 2, "exit status 39")):
        result = run("--status", CMD="ls", FAKE_DO=f"exit {qemu}")
        equal(result.returncode, status, f"QEMU's {qemu} is status {status}", result.err)
        contains(result.err, f"status {status} (", f"… said on stderr ({qemu})")
        contains(result.err, reason, f"… with the reason ({qemu})")
    result = run(CMD="ls", FAKE_DO='echo Triple fault >"$qemu_log"; exit 0')
    equal(result.returncode, 2, "a triple fault is status 2")
    contains(result.err, "triple fault", "… and named")
    result = run(CMD="ls", FAKE_DO="kill -9 $$")
    equal(result.returncode, 2, "a killed QEMU is status 2")
    contains(result.err, "killed by signal 9", "… and named")


def test_output():
    result = run(CMD="ls", FAKE_DO='echo boot >"$log"; echo guest; exit 33')
    equal(result.stdout, b"guest\n", "stdout is the guest's")
    equal(result.err, "", "success is silent on stderr")
    equal(read("log"), b"boot\n", "the kernel log is kept")
    contains(run(CMD="ls", RUN_VERBOSE="1").err, "status 0 (ok)", "RUN_VERBOSE=1 prints status 0")
    result = run(CMD="ls", FAKE_DO='echo "boot line" >"$log"; exit 35')
    contains(result.err, "boot line\n", "failure shows the kernel log")
    equal(result.stdout, b"", "… not on stdout")
    contains(run(CMD="ls", FAKE_DO="exit 37").err, "log is empty", "an empty log is said to be empty")
    equal(read("log"), b"", "a log of an earlier run is not shown again")
    result = run(CMD="ls", FAKE_DO='seq 1000 >"$log"; exit 37')
    ok("\n801\n" in result.err and "\n800\n" not in result.err, "of a long log the end is shown", result.err[:300])


def test_usage():
    for options, part in (
            ({"BOOT": "foo"}, "BOOT='foo'"), ({"MEM": "abc"}, "MEM='abc'"), ({"MEM": "0"}, "MEM='0'"),
            ({"SMP": "0"}, "SMP='0'"), ({"SMP": "300"}, "SMP=300"), ({"ICOUNT": "yes"}, "ICOUNT='yes'"),
            ({"ICOUNT": "1", "ACCEL": "kvm"}, "ICOUNT=1"), ({"ACCEL": "a b"}, "ACCEL='a b'"),
            ({"TIMEOUT": "x"}, "TIMEOUT='x'"), ({"TIMEOUT": "nan"}, "TIMEOUT='nan'"),
            ({"TIMEOUT_SCALE": "-1"}, "TIMEOUT_SCALE='-1'"), ({"GDB": "x"}, "GDB='x'"),
            ({"APPEND": "a='b'"}, "APPEND="), ({"APPEND": "a\nb"}, "APPEND="), ({"APPEND": "a" * 4001}, "APPEND is"),
            ({"CMD": "x" * 65537}, "CMD is longer than 64 KiB"), ({"QEMU_EXTRA": "'"}, "QEMU_EXTRA:"),
            ({"CMD": None, "SCRIPT": "nosuch"}, "SCRIPT=nosuch"), ({"SCRIPT": "kernel"}, "CMD and SCRIPT"),
            ({"KERNEL": "nosuch"}, "KERNEL=nosuch"), ({"BOOT": "iso", "ISO": "nosuch"}, "ISO=nosuch"),
            ({"LOG": "kernel/log"}, "LOG="), ({"QEMU": "no-such-qemu"}, "no-such-qemu is not installed"),
            ({"FAKE_VERSION": "5.2.0"}, "version 5.2: Nestling needs 6.0"), ({"FAKE_VERSION": "?"}, "no version")):
        result = run(**{"CMD": "ls", **options})
        name = str({key: str(value)[:12] for key, value in options.items()})
        ok((result.returncode, result.argv) == (64, None), f"{name}: status 64 and no QEMU", result.returncode)
        ok(part in result.err and result.err.count("\n") == 1, f"{name}: one line names it", part, result.err)
    write("script", b"x" * 65537)
    contains(run(SCRIPT="script").err, "SCRIPT is longer than 64 KiB", "a long SCRIPT is named as such")
    equal(run("--foo").returncode, 64, "an unknown argument is an error")
    result = run("--help")
    equal((result.returncode, result.err), (0, ""), "--help is none")
    contains(result.stdout.decode(), "TIMEOUT_SCALE", "… and lists the options")


def gone(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


HANG = "echo $$; exec sleep 1000"


def test_timeout():
    result = run(CMD="ls", TIMEOUT="0.1", TIMEOUT_SCALE="2", FAKE_DO="echo log >$log; " + HANG)
    equal(result.returncode, 3, "a time-out is status 3")
    contains(result.err, "0.2 s", "… which names the scaled limit")
    contains(result.err, "log\n", "… shows the kernel log")
    ok(gone(int(result.stdout)), "… and leaves no QEMU")
    result = run(CMD="ls", TIMEOUT="0.1", FAKE_DO="trap '' TERM; " + HANG)
    ok(result.returncode == 3 and gone(int(result.stdout)), "a QEMU that won't leave is killed", result.returncode)


def test_signals():
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL):
        with subprocess.Popen([RUN], cwd=DIR, env=environment(CMD="ls", FAKE_DO=HANG), stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as child:
            pid = int(child.stdout.readline())
            child.send_signal(number)
            # End of file comes when the last holder of the pipe, QEMU, is gone; the harness's own limit bounds this.
            child.stdout.read()
            status = child.wait()
        name = number.name
        equal(status, -9 if name == "SIGKILL" else 128 + number, f"{name} ends the runner with its status")
        ok(name == "SIGKILL" or gone(pid), f"{name} leaves no QEMU")


def on_terminal(**options):
    """Runs tools/run with a terminal on stdin; returns its status and stderr."""
    master, slave = pty.openpty()
    result = subprocess.run([RUN], cwd=DIR, env=environment(**options), stdin=slave, capture_output=True, check=False)
    os.close(master)
    os.close(slave)
    return result.returncode, result.stderr.decode()


def test_terminal():
    status, err = on_terminal(FAKE_DO='[ -t 0 ] && exit 33')
    equal(status, 0, "on a terminal QEMU gets the terminal", err)
    contains(err, "Ctrl-A x", "… and the user is told how to leave")
    argv = read("argv").decode().split("\0")
    ok(has(argv, "-serial", "mon:stdio") and "-fw_cfg" not in argv, "… and there are no commands", argv)
    status, err = on_terminal(CMD="ls", FAKE_DO='[ -t 0 ] || exit 33')
    equal(status, 0, "with CMD the terminal stays ours", err)
    status, err = on_terminal(TIMEOUT_SCALE="0.000001", FAKE_DO="exit 33")
    equal(status, 0, "an interactive run has no time limit", err)
    ok("kernel log" not in on_terminal(FAKE_DO="exit 35")[1], "… and a failed command doesn't show the log")


def test_private_iso():
    write("rescue", b'#!/bin/sh\nfor o; do [ "$p" = -o ] && out=$o; p=$o; last=$o; done\n'
                    b'cat "$last/boot/grub/grub.cfg" >"$out"\n', 0o755)
    write("strip", b'#!/bin/sh\ncp "$2" "$3"\n', 0o755)
    result = run(CMD="ls", BOOT="iso", APPEND="debug a=x&y|$z", GRUB_MKRESCUE=path("rescue"), OBJCOPY=path("strip"),
                 FAKE_DO='for o; do case $o in file=*,format=raw*) i=${o#file=}; cat "${i%%,*}";; esac; done; exit 33')
    contains(result.stdout.decode(), "multiboot2 /boot/nestling.elf  'debug' 'a=x&y|$z';",
             "BOOT=iso with APPEND makes an ISO with the options")
    result = run(CMD="ls", BOOT="iso", APPEND="x", GRUB_MKRESCUE="false", OBJCOPY=path("strip"))
    equal(result.returncode, 64, "a failing grub-mkrescue is an error of ours", result.err)


write("qemu", FAKE.encode(), 0o755)
for image in ("kernel", "iso"):
    write(image, b"\x7fELF")
test_words()
test_commands()
test_statuses()
test_output()
test_usage()
test_timeout()
test_signals()
test_terminal()
test_private_iso()
done()
