"""Job control, as somebody at a terminal has it: an interactive shell, and ptrun in it.

Arguments: a folder, and a command that the shell starts. It prints what the shell shows, a step a line, as JSON.
The command prints `ready` when it has begun, and `INT` when it gets that signal.
"""

import json
import os
import pty
import select
import signal
import sys
import time

DEADLINE = 20
PROMPT = "shell> "


class Terminal:
    def __init__(self, folder):
        child, self.descriptor = pty.fork()
        if child == 0:
            os.chdir(folder)
            os.environ["PS1"] = PROMPT
            os.environ["TERM"] = "dumb"
            os.execvp("bash", ["bash", "--norc", "--noprofile", "--noediting", "-i"])
        self.child = child
        self.text = ""

    def until(self, *wanted):
        """What is shown until one of `wanted` is, with it."""
        end = time.monotonic() + DEADLINE
        while True:
            found = [(self.text.index(text), text) for text in wanted if text in self.text]
            if found:
                at, text = min(found)
                shown, self.text = self.text[: at + len(text)], self.text[at + len(text) :]
                return shown
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.descriptor], [], [], left)[0]:
                raise SystemExit(f"waited for {wanted} and saw {self.text!r}")
            self.text += os.read(self.descriptor, 4096).decode()

    def type(self, text):
        os.write(self.descriptor, text.encode())

    def given(self):
        """Waits until the shell has given the terminal to somebody."""
        end = time.monotonic() + DEADLINE
        while os.tcgetpgrp(self.descriptor) == self.child:
            if time.monotonic() > end:
                raise SystemExit("the shell keeps the terminal")

    def line(self, text):
        self.type(text + "\n")
        # The terminal shows what was typed.
        self.until(text + "\r\n")


def main():
    folder, command = sys.argv[1:]
    terminal = Terminal(folder)
    terminal.until(PROMPT)
    steps = {}

    terminal.line(command)
    terminal.until("ready")
    terminal.type("\x03")
    terminal.until("INT")
    terminal.type("\x1a")
    steps["stopped"] = "Stopped" in terminal.until(PROMPT)

    terminal.line("jobs -s | wc -l")
    steps["jobs"] = terminal.until(PROMPT).split()[0]

    terminal.line("bg; jobs -r | wc -l")
    steps["running"] = terminal.until(PROMPT).split()[-2]

    terminal.line("fg")
    # The shell says which, and then gives it the terminal.
    terminal.until("job\r\n")
    terminal.given()
    terminal.type("\x1c")
    terminal.until("QUIT")
    terminal.until(PROMPT)
    terminal.line("echo code $?")
    steps["code"] = terminal.until(PROMPT).split()[1]

    # The terminal is the shell's again, and what it starts may read.
    terminal.line("bash -c 'read -r line; echo read: $line'")
    terminal.type("typed\n")
    terminal.until("read: typed")
    steps["INT twice"] = "INT" in terminal.text
    os.kill(terminal.child, signal.SIGKILL)
    os.waitpid(terminal.child, 0)
    print(json.dumps(steps))


main()
