"""A terminal with a program on it, for tests: terminal.py SCENARIO, with WRIT set, in the test's place.

Each scenario is one function; what it waits for is waited for at most LONG seconds, polled.
"""
import fcntl, os, pty, re, select, signal, struct, subprocess, sys, termios, time

LONG = 60
WRIT = os.environ["WRIT"]


class Terminal:
    def __init__(self, command, rows=33, columns=97):
        self.seen = b""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ["TERM"] = "dumb"
            os.environ["PS1"] = "outside> "
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
            os.read(0, 1)  # until the other side has looked at how it is
            os.execvp(command[0], command)
        eventually("the size is set", lambda: self.size() == (rows, columns))
        self.before = termios.tcgetattr(self.fd)
        self.send("\n")

    def size(self):
        return struct.unpack("HHHH", fcntl.ioctl(self.fd, termios.TIOCGWINSZ, b"\0" * 8))[:2]

    def resize(self, rows, columns):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def send(self, text):
        os.write(self.fd, text.encode())

    def send_until(self, text, pattern, count=1):
        """For a shell's traps: a signal that comes while one is handled may be lost."""
        def seen():
            self.send(text)
            self.read(0.5)
            return len(re.findall(pattern.encode(), self.seen)) >= count
        eventually(pattern, seen)

    def read(self, seconds):
        ready, _, _ = select.select([self.fd], [], [], seconds)
        if not ready:
            return True
        try:
            data = os.read(self.fd, 65536)
        except OSError:
            return False
        self.seen += data
        return bool(data)

    def expect(self, pattern, count=1):
        """Reads until the pattern was seen so often; gives the last match."""
        end = time.monotonic() + LONG
        while True:
            found = list(re.finditer(pattern.encode(), self.seen))
            if len(found) >= count:
                return found[-1]
            if time.monotonic() > end or not self.read(0.1):
                found = list(re.finditer(pattern.encode(), self.seen))
                if len(found) >= count:
                    return found[-1]
                fail(f"expected {pattern!r} ({count})", self.seen)

    def refute(self, pattern):
        if re.search(pattern.encode(), self.seen):
            fail(f"not expected: {pattern!r}", self.seen)

    def forget(self):
        self.seen = b""

    def settings(self):
        return termios.tcgetattr(self.fd)

    def canonical(self):
        return bool(self.settings()[3] & termios.ICANON)

    def expect_raw(self):
        eventually("the outer terminal is raw", lambda: not self.canonical())

    def expect_restored(self, reading=True):
        def restored():
            if reading:
                self.read(0)
            return self.settings() == self.before
        eventually("the outer terminal's settings are back", restored)

    def wait(self):
        """The program's exit status, as a shell says it."""
        end = time.monotonic() + LONG
        while True:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                while self.read(0.1) and select.select([self.fd], [], [], 0)[0]:
                    pass
                return os.waitstatus_to_exitcode(status)
            if time.monotonic() > end:
                fail("the program does not end", self.seen)
            self.read(0.05)


def fail(what, seen=b""):
    print("FAILED:", what, file=sys.stderr)
    print(seen[-4000:].decode(errors="replace"), file=sys.stderr)
    sys.exit(1)


def eventually(what, true):
    end = time.monotonic() + LONG
    while not true():
        if time.monotonic() > end:
            fail("never: " + what)
        time.sleep(0.02)


def expect_status(wanted, status, terminal):
    if status != wanted:
        fail(f"expected status {wanted}, not {status}", terminal.seen)


def run(*command, options=()):
    return [WRIT, "run", "--permit", "p.permit", *options, "--", *command]


def bash(script, options=()):
    return run("/usr/bin/bash", "-c", script, options=options)


def shell():
    return ["/usr/bin/bash", "--norc", "--noprofile", "--noediting", "-i"]


def quoted(command):
    return " ".join("'" + part + "'" for part in command)


def governor_of(front):
    """The governor is the front's only child."""
    def children():
        try:
            with open(f"/proc/{front}/task/{front}/children") as file:
                return [int(one) for one in file.read().split()]
        except OSError:
            return []
    eventually("the front has a child", lambda: children())
    return children()[0]


def is_terminal():
    t = Terminal(bash("test -t 0 && test -t 1 && test -t 2 && tty && stty size && ls /dev/pts && "
                      "echo to the terminal >/dev/tty && echo closing >/dev/stdout"))
    t.expect("/dev/pts/0")
    t.expect("33 97")
    t.expect("to the terminal")
    t.expect("closing")
    expect_status(0, t.wait(), t)
    if set(re.search(rb"33 97\r\n([^/]*)to the", t.seen)[1].split()) != {b"0", b"ptmx"}:
        fail("the run sees other terminals than its own", t.seen)
    t.expect_restored()


def error_apart():
    t = Terminal(["/usr/bin/bash", "-c", quoted(bash("test -t 0 && test -t 1 && ! test -t 2 && "
                                                     "echo fine; echo apart >&2")) + " 2>errors"])
    t.expect("fine")
    expect_status(0, t.wait(), t)
    t.refute("apart")
    with open("errors") as file:
        if "apart\n" not in file.read():
            fail("standard error did not go where it was sent")


def pipes():
    t = Terminal(bash("test -t 0 || test -t 1 || test -t 2 || echo none", options=["--no-terminal"]))
    t.expect("none")
    expect_status(0, t.wait(), t)
    t = Terminal(["/usr/bin/bash", "-c", quoted(bash("test -t 0 || test -t 1 || echo none")) + "|cat"])
    t.expect("none")
    expect_status(0, t.wait(), t)


def size():
    t = Terminal(bash("trap 'echo told' WINCH; echo ready; while ! test -e w/over; do "
                      "stty size; sleep 0.05; done"))
    t.expect("ready")
    t.expect_raw()
    t.resize(44, 111)
    t.expect("told")
    t.expect("44 111")
    t.resize(20, 60)
    t.expect("20 60")
    open("w/over", "w").close()
    expect_status(0, t.wait(), t)
    t.expect_restored()
    os.unlink("w/over")


def interrupt():
    t = Terminal(bash("echo ready; exec sleep 1000"))
    t.expect("ready")
    t.expect_raw()
    t.send("\x03")
    expect_status(130, t.wait(), t)
    t.expect_restored()
    # Who takes it goes on, as often as it is sent.
    t = Terminal(bash("trap 'echo caught' INT; echo ready; while read -r line; do echo got $line; done; "
                      "while ! test -e w/over; do sleep 0.05; done"))
    t.expect("ready")
    t.send_until("\x03", "caught")
    t.send_until("\x03", "caught", 2)
    open("w/over", "w").close()
    t.send("\x04")
    t.wait()
    t.expect_restored()
    os.unlink("w/over")


def suspend():
    t = Terminal(shell())
    t.expect("outside> ")
    t.send(quoted(run("/usr/bin/cat")) + "\n")
    t.expect_raw()
    t.send("one\n")
    t.expect("one\r\none\r\n")
    t.send("\x1a")
    t.expect("Stopped")
    t.expect_restored()
    t.forget()
    t.send("echo out-$((40+2))\n")
    t.expect("out-42")
    # Longer than a run lives without its governor.
    time.sleep(4)
    t.forget()
    t.resize(50, 120)
    t.send("fg\n")
    t.expect_raw()
    t.send("two\n")
    t.expect("two\r\ntwo\r\n")
    # And once more, then in the background while nobody reads for it.
    t.send("\x1a")
    t.expect("Stopped")
    t.expect_restored()
    t.send("bg\n")
    t.send("echo out-$((50+2))\n")
    t.expect("out-52")
    t.send("fg\n")
    t.expect_raw()
    t.send("three\n")
    t.expect("three\r\nthree\r\n")
    t.send("\x04")
    t.expect("writ: ended: exited 0")
    t.expect_restored()
    t.send("echo status-$?-$((1+1))\n")
    t.expect("status-0-2")
    t.send("exit\n")
    expect_status(0, t.wait(), t)


def nobody_to_stop_for():
    """Without job control around it, Ctrl-Z stops nothing, but drops what is typed with it."""
    t = Terminal(run("/usr/bin/tee", "w/got"))
    t.expect_raw()
    t.send("one\n")
    t.expect("one\r\none\r\n")
    t.send("\x1a")
    t.expect(r"\^Z")

    def goes_on():
        t.send("two\n")
        t.read(0.2)
        with open("w/got") as file:
            return "two\n" in file.read()
    eventually("the program goes on", goes_on)
    t.expect_raw()
    t.send("\x04")
    expect_status(0, t.wait(), t)


def jobs_inside():
    t = Terminal(run("/usr/bin/bash", "--norc", "--noprofile", "--noediting", "-i"))
    t.expect("bash-.*[$] ")
    t.send("sleep 1000\n")
    t.expect("sleep 1000\r\n")
    eventually("it sleeps", lambda: t.read(0.05) and living("sleep\0001000"))
    t.send("\x1a")
    t.expect("Stopped")
    t.send("jobs -l\n")
    t.expect("Stopped", 2)
    t.send("bg\n")
    t.expect("sleep 1000 &")
    t.send("kill %1; wait; echo left-$((1+1))\n")
    t.expect("left-2")
    t.refute("no job control")
    t.send("exit 7\n")
    expect_status(7, t.wait(), t)


def living(marker):
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/cmdline") as file:
                    if marker in file.read():
                        return True
            except OSError:
                pass
    return False


def ends():
    """However it ends, the terminal is as it was."""
    def started(seconds):
        t = Terminal(bash(f"echo ready; sleep {seconds}; true"))
        t.expect("ready")
        t.expect_raw()
        return t, governor_of(t.pid)

    t, _ = started(1001)
    os.kill(t.pid, signal.SIGTERM)
    expect_status(124, t.wait(), t)
    t.expect_restored()
    t, governor = started(1002)
    os.kill(governor, signal.SIGKILL)
    expect_status(137, t.wait(), t)
    t.expect_restored()
    # The front is killed: the governor ends the run and puts the settings back. (This process keeps
    # the terminal's other side open meanwhile.)
    t, governor = started(1003)
    os.kill(t.pid, signal.SIGKILL)
    eventually("nothing of the run is left",
               lambda: (t.read(0) or True) and not living("sleep\0001003"))
    t.wait()
    # Closed by its user: who sits on it gets SIGHUP.
    t, governor = started(1004)
    os.close(t.fd)
    eventually("a run on a closed terminal ends", lambda: not living("sleep\0001004"))
    os.waitpid(t.pid, 0)


def full():
    """A terminal that nobody reads stalls no gate, and its settings come back all the same."""
    t = Terminal(bash("yes full & for i in 1 2 3 4 5 6 7 8; do touch w/mark$i; done; sleep 1005"))
    eventually("programs start", lambda: os.path.exists("w/mark8"))
    os.kill(t.pid, signal.SIGTERM)
    t.expect_restored(reading=False)
    expect_status(124, t.wait(), t)


def typed_late():
    """What is typed for the run reaches nobody else."""
    t = Terminal(shell())
    t.expect("outside> ")
    t.send(quoted(bash("echo ready; while ! test -e w/over; do sleep 0.05; done")) + "\n")
    t.expect("ready")
    t.expect_raw()
    t.send("echo typed-$((1+1))\n")
    t.expect("typed-[$]")
    open("w/over", "w").close()
    t.expect("writ: ended: exited 0")
    t.send("echo after-$((1+1)); exit\n")
    t.expect("after-2")
    t.wait()
    t.refute("typed-2")
    os.unlink("w/over")


def refusals():
    """While a program has the terminal in a mode of its own, refusals wait; --live shows them."""
    script = ("stty -icanon; /usr/bin/mawk x; echo A; read -r -n 1; echo B; stty icanon; "
              "while ! test -e w/over; do sleep 0.05; done")
    t = Terminal(bash(script))
    t.expect("A\r\n")
    time.sleep(1)  # in which a refusal told at once would be seen
    t.send("x")
    t.expect("B\r\n")
    at = t.expect(r"writ: denied: exec /usr/bin/mawk x +\(not_granted\)\r\n").start()
    if at < t.seen.index(b"B\r\n"):
        fail("a refusal was told over a program's screen", t.seen)
    open("w/over", "w").close()
    expect_status(0, t.wait(), t)
    os.unlink("w/over")
    t = Terminal(bash(script, options=["--live"]))
    t.expect("writ: denied: exec /usr/bin/mawk")
    t.refute("B\r\n")
    open("w/over", "w").close()
    t.send("x")
    expect_status(0, t.wait(), t)
    os.unlink("w/over")


def attacks():
    """Typing for others and the like, on a terminal of its own."""
    t = Terminal(run(os.environ["PROGRAMS"] + "/attack_kernel", "all"))
    status = t.wait()
    t.expect("got through 0")
    expect_status(0, status, t)


def inner():
    """Programs in the run make terminals of their own."""
    t = Terminal(run("/usr/bin/script", "-q", "-c", "test -t 0 && tty", "/dev/null"))
    t.expect("/dev/pts/1")
    expect_status(0, t.wait(), t)


if __name__ == "__main__":
    globals()[sys.argv[1]]()
