# What a build may try against whoever started it. Each attempt is one line of output:
# its name, and `done` or the name of the error. Whatever an attempt makes, it removes.
import ctypes
import errno
import fcntl
import mmap
import os
import platform
import resource
import shutil
import signal
import stat
import subprocess
import sys

victim, file = int(sys.argv[1]), sys.argv[2]
own = os.path.join(os.environ["TMPDIR"], "own")
with open(own, "w") as writer:
    writer.write("own")

libc = ctypes.CDLL(None, use_errno=True)
is_x86 = platform.machine() == "x86_64"


def call(function, *words):
    ctypes.set_errno(0)
    answer = function(*words)
    if answer < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return answer


def system_call(x86, generic, *words):
    # The pointers and numbers of a system call are all as wide as a register.
    words = [ctypes.c_long(word) if isinstance(word, int) else word for word in words]
    return call(libc.syscall, ctypes.c_long(x86 if is_x86 else generic), *words)


def attempt(name, function):
    try:
        answer = function()
        result = answer if isinstance(answer, str) else "done"
    except OSError as error:
        result = errno.errorcode.get(error.errno, str(error.errno))
    if result == "EOPNOTSUPP":
        result = "ENOTSUP"
    print("%s: %s" % (name, result), flush=True)


def in_a_child(function):
    """Calls a function where it may be killed."""
    child = os.fork()
    if child == 0:
        try:
            function()
        except OSError as error:
            os._exit(error.errno)
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    if os.WIFSIGNALED(status):
        return "signal %d" % os.WTERMSIG(status)
    code = os.WEXITSTATUS(status)
    if code:
        raise OSError(code, os.strerror(code))


def limits_of(process):
    return lambda: resource.prlimit(process, resource.RLIMIT_CORE, (0, 0))


# Other processes.
attempt("limits of another", limits_of(victim))
attempt("priority of another", lambda: os.setpriority(os.PRIO_PROCESS, victim, 5))
# Not of everything that root runs: of a user who runs nothing.
attempt("priority of all", lambda: os.setpriority(os.PRIO_USER, 0 if os.getuid() else 4000000, 19))
attempt("processors of another", lambda: os.sched_setaffinity(victim, os.sched_getaffinity(victim)))
attempt("scheduler of another", lambda: os.sched_setscheduler(victim, os.SCHED_BATCH, os.sched_param(0)))
attempt("scheduling parameters of another", lambda: os.sched_setparam(victim, os.sched_param(0)))


def attributes_of(process):
    # struct sched_attr (sched_setattr(2)): its size, SCHED_BATCH, flags, a nice value.
    return lambda: system_call(314, 274, process, (ctypes.c_uint32 * 12)(48, 3, 0, 0, 19), 0)


attempt("scheduling attributes of another", attributes_of(victim))
attempt("input priority of another", lambda: system_call(251, 30, 1, victim, (2 << 13) | 7))
attempt("comparing with another", lambda: system_call(312, 272, os.getpid(), victim, 1, 0, 0))
attempt("asking for limits", lambda: resource.prlimit(victim, resource.RLIMIT_CORE) and None)
attempt("asking for priority", lambda: os.getpriority(os.PRIO_PROCESS, victim) and None)
attempt("asking for processors", lambda: os.sched_getaffinity(victim) and None)
attempt("asking for the machine", lambda: os.uname() and None)
attempt("signals", lambda: os.kill(victim, 0))


# Objects that outlive a process.
def shared_memory():
    number = call(libc.shmget, 0, 4096, 0o1600)
    call(libc.shmctl, number, 0, None)


def semaphores():
    number = call(libc.semget, 0, 1, 0o1600)
    call(libc.semctl, number, 0, 0)


def messages():
    number = call(libc.msgget, 0, 0o1600)
    call(libc.msgctl, number, 0, None)


def posix_messages():
    name = ctypes.c_char_p(b"wheelproof-test-%d" % os.getpid())
    os.close(system_call(240, 180, name, os.O_CREAT | os.O_RDWR, 0o600, 0))
    system_call(241, 181, name)


attempt("shared memory", shared_memory)
attempt("semaphores", semaphores)
attempt("messages", messages)
attempt("POSIX messages", posix_messages)


# Files.
def with_open(path, function):
    def opened():
        descriptor = os.open(path, os.O_RDONLY)
        try:
            return function(descriptor)
        finally:
            os.close(descriptor)

    return opened


def extended_attribute():
    os.setxattr(file, "user.wheelproof", b"x")
    os.removexattr(file, "user.wheelproof")


def flags():
    # FS_IOC_GETFLAGS and FS_IOC_SETFLAGS (ioctl_iflags(2)), of a file of one's own.
    def again(descriptor):
        found = bytearray(8)
        fcntl.ioctl(descriptor, 0x80086601, found)
        fcntl.ioctl(descriptor, 0x40086602, bytes(found))

    with_open(own, again)()


def program_of_this_user():
    before = stat.S_IMODE(os.stat(own).st_mode)
    os.chmod(own, 0o4755)
    os.chmod(own, before)


def reading_an_extended_attribute():
    try:
        os.getxattr(own, "user.wheelproof")
    except OSError as error:
        # There is none, and it may be asked for.
        if error.errno != errno.ENODATA:
            raise


attempt("opening", with_open(file, lambda descriptor: None))
attempt("group of a file", lambda: os.chown(file, -1, os.getgid()))
attempt("group of an open file", with_open(own, lambda descriptor: os.fchown(descriptor, -1, os.getgid())))
attempt("extended attribute", extended_attribute)
attempt("reading an extended attribute", reading_an_extended_attribute)
attempt("flags of a file", flags)
attempt("a program of this user", program_of_this_user)
attempt("a lease", with_open(own, lambda descriptor: fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK) and None))
attempt("notices", lambda: os.close(call(libc.inotify_init1, 0)))
attempt("modes", lambda: os.chmod(file, 0o644))
attempt("times", lambda: os.utime(file, (1, 1)))
attempt("looking", lambda: os.stat(file) and None)
attempt("following", lambda: os.readlink("/proc/self/exe") and None)
attempt("reading the system", with_open("/usr/bin/env", lambda descriptor: None))
attempt("locks", with_open("/usr/bin/env", lambda descriptor: fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)))


def io_uring():
    os.close(system_call(425, 425, 1, (ctypes.c_uint32 * 32)()))


attempt("io_uring", io_uring)

# Other interfaces for system calls.
if is_x86:
    attempt("x32", lambda: call(libc.syscall, ctypes.c_long(0x40000000 + 39)) and None)

    def thirty_two_bits():
        # mov eax, 20 (getpid); int 0x80; ret
        code = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
        code.write(b"\xb8\x14\x00\x00\x00\xcd\x80\xc3")
        ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(code)))()

    attempt("32 bits", lambda: in_a_child(thirty_two_bits))


# What is its own.
def own_file():
    os.chmod(own, 0o640)
    os.utime(own, (1, 1))
    descriptor = os.open(own, os.O_WRONLY)
    os.utime(descriptor, (2, 2))
    os.fchmod(descriptor, 0o600)
    os.ftruncate(descriptor, 1)
    os.close(descriptor)


def copied():
    copy = shutil.copy2(own, own + ".copy")
    shutil.copytree(os.path.dirname(own), own + ".tree", ignore=lambda directory, names: [n for n in names if n != "own"])
    shutil.rmtree(own + ".tree")
    os.unlink(copy)


def program(*words):
    def run():
        ended = subprocess.run(words, stderr=subprocess.PIPE)
        os.unlink(own + ".program")
        if ended.returncode:
            return "exit code %d, %s" % (ended.returncode, ended.stderr)
        if ended.stderr:
            return "it said %s" % ended.stderr

    return run


def child():
    started = subprocess.Popen(["sleep", "600"])
    started.terminate()
    started.wait()


attempt("own limits", lambda: resource.setrlimit(resource.RLIMIT_CORE, (0, 0)))
attempt("own limits by number", limits_of(os.getpid()))
attempt("own processors", lambda: os.sched_setaffinity(0, os.sched_getaffinity(0)))
attempt("own processors by number", lambda: os.sched_setaffinity(os.getpid(), os.sched_getaffinity(0)))
attempt("own scheduler", lambda: os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0)))
attempt("own priority", lambda: os.nice(1) and None)
attempt("own input priority", lambda: system_call(251, 30, 1, 0, (2 << 13) | 7) and None)
attempt("own file", own_file)
attempt("own copy with metadata", copied)
attempt("cp -a", program("cp", "-a", own, own + ".program"))
attempt("install", program("install", "-m", "0755", own, own + ".program"))
attempt("own child is ended", child)
attempt("is it a terminal", lambda: os.isatty(1) and None)

# Last: outside, they succeed.
attempt("writing", lambda: os.close(os.open(file, os.O_WRONLY)))
attempt("emptying while reading", lambda: os.close(os.open(file, os.O_RDONLY | os.O_TRUNC)))
attempt("emptying", lambda: os.truncate(file, 0))
attempt("end", lambda: None)
