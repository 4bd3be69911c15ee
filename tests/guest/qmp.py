"""A guest looked at from outside: stopped by QEMU's monitor, its memory read without asking the kernel."""

import json
import os
import socket
import subprocess
import tempfile
import time

from nestling import ROOT, environment, scaled


class Guest:
    """A running guest: with Guest(cmd=…, append=…) as guest: guest.wait_for("text"); guest.read(address, size)."""

    def __init__(self, **options):
        self.tmp = tempfile.TemporaryDirectory(prefix="nestling-qmp-")
        self.monitor = os.path.join(self.tmp.name, "qmp")
        self.console = os.path.join(self.tmp.name, "console")
        log = os.path.join(self.tmp.name, "log")
        with open(self.console, "wb") as out:
            self.runner = subprocess.Popen([os.path.join(ROOT, "tools/run")],
                                           env=environment(monitor=self.monitor, log=log, **options),
                                           stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT)
        self.file = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.runner.terminate()  # tools/run takes QEMU with it
        self.runner.wait()
        if self.file:
            self.file.close()
        self.tmp.cleanup()

    def said(self):
        with open(self.console, encoding="utf-8", errors="replace") as file:
            return file.read()

    def until(self, condition):
        deadline = time.monotonic() + scaled(60)
        while not condition():
            if time.monotonic() > deadline or self.runner.poll() is not None:
                return False
            time.sleep(0.02)  # only how often we look, not how long we wait
        return True

    def wait_for(self, text):
        return self.until(lambda: text in self.said())

    def connect(self):
        self.until(lambda: os.path.exists(self.monitor))
        link = socket.socket(socket.AF_UNIX)
        link.settimeout(scaled(60))
        link.connect(self.monitor)
        self.file = link.makefile("rw", encoding="utf-8")
        link.close()  # the file keeps it open
        self.file.readline()  # the greeting
        self.execute("qmp_capabilities")

    def execute(self, command, **arguments):
        if self.file is None:
            self.connect()
        self.file.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
        self.file.flush()
        while True:
            answer = json.loads(self.file.readline())
            if "error" in answer:
                raise RuntimeError(f"{command}: {answer['error']['desc']}")
            if "return" in answer:
                return answer["return"]

    def read(self, address, size):
        """Memory at a kernel address, as the CPU's tables have it (QMP's integers are signed)."""
        path = os.path.join(self.tmp.name, "memory")
        self.execute("memsave", val=address - (address >> 63 << 64), size=size, filename=path)
        with open(path, "rb") as file:
            return file.read()
