# Runs a program on a terminal of its own and types what its questions ask for.
#
# In: PROGRAM ARGUMENTS..., and on standard input a JSON list of pairs: what has to be
# read first, and what is typed then; \x03 is the interrupt key. Out: what the terminal
# showed; it has TERMINAL_COLUMNS columns, or 100. The exit code is the program's, 128 and the number where a signal ended it, and
# 99 where a question did not come.
import fcntl, json, os, pty, select, struct, sys, termios, time

PATIENCE = 50
answers = json.load(sys.stdin)
columns = int(os.environ.pop("TERMINAL_COLUMNS", "100"))
child, terminal = pty.fork()
if child == 0:
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 30, columns, 0, 0))
    os.execvp(sys.argv[1], sys.argv[1:])
shown = b""
seen = 0
begun = time.monotonic()
while True:
    if time.monotonic() - begun > PATIENCE:
        os.kill(child, 9)
        sys.stdout.buffer.write(shown)
        sys.exit(99)
    if select.select([terminal], [], [], 0.05)[0]:
        try:
            part = os.read(terminal, 65536)
        except OSError:
            part = b""
        if not part:
            break
        shown += part
    if answers and answers[0][0].encode() in shown[seen:]:
        seen = len(shown)
        # The one who asks has to be ready to read.
        time.sleep(0.4)
        os.write(terminal, answers.pop(0)[1].encode())
_, status = os.waitpid(child, 0)
sys.stdout.buffer.write(shown)
if answers:
    sys.exit(99)
sys.exit(os.waitstatus_to_exitcode(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status))
