"""Runs a converter's program in a copy of a process that has imported its modules, so that a thousand small models do not import them a thousand times.

warm.py FOLDER PATHS MAIN ARGUMENT...: as the program itself would be run, PATHS before Python's own. What has imported the modules is started once for
PATHS and MAIN, waits at a socket in FOLDER, and ends when nothing has come for a minute.
"""

import ast
import fcntl
import hashlib
import importlib
import json
import os
import runpy
import socket
import sys

IDLE_SECONDS = 60
MOST_BYTES = 1 << 20


def imported(main):
    """Names of the modules that a program imports anywhere."""
    with open(main, encoding="utf-8") as file:
        tree = ast.parse(file.read())
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            yield node.module


def preload(main):
    for name in imported(main):
        try:
            importlib.import_module(name)
        except Exception:
            # The program says so itself, where it needs it.
            pass


def serve(listener, main):
    preload(main)
    listener.settimeout(IDLE_SECONDS)
    while True:
        try:
            client, _ = listener.accept()
        except TimeoutError:
            os._exit(0)
        # The child of a child, which nobody has to wait for.
        child = os.fork()
        if child == 0:
            listener.close()
            if os.fork() == 0:
                watch(client)
            os._exit(0)
        os.waitpid(child, 0)
        client.close()


def watch(client):
    """Runs one job in a process of its own, and says how it ended."""
    message, files, _, _ = socket.recv_fds(client, MOST_BYTES, 3)
    job = json.loads(message)
    child = os.fork()
    if child == 0:
        client.close()
        for target, source in enumerate(files):
            os.dup2(source, target)
        run(job)
    _, status = os.waitpid(child, 0)
    client.sendall(str(os.waitstatus_to_exitcode(status)).encode())
    os._exit(0)


def run(job):
    code = 1
    try:
        os.chdir(job["cwd"])
        os.environ.clear()
        os.environ.update(job["env"])
        sys.argv = job["argv"]
        runpy.run_path(sys.argv[0], run_name="__main__")
        code = 0
    except SystemExit as end:
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        sys.excepthook(*sys.exc_info())
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def start(place, paths, main):
    """Starts what waits at `place`, in a session of its own."""
    listener = socket.socket(socket.AF_UNIX)
    if os.path.exists(place):
        os.unlink(place)
    listener.bind(place)
    listener.listen()
    if os.fork() > 0:
        listener.close()
        return
    os.setsid()
    null = os.open(os.devnull, os.O_RDWR)
    for target in range(3):
        os.dup2(null, target)
    # Whoever started this waits until nobody has its pipes any more.
    keep = os.dup2(listener.detach(), 3)
    os.closerange(4, 1 << 16)
    listener = socket.socket(fileno=keep)
    # What starts this first works in a folder that is gone when it has ended, and Python's own modules are found through that.
    sys.path[:] = [*paths, *map(os.path.realpath, sys.path)]
    serve(listener, main)


def connected(folder, paths, main):
    key = hashlib.sha256("\n".join([*paths, main]).encode()).hexdigest()[:16]
    place = os.path.join(folder, key)
    with open(place + ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        os.set_inheritable(lock.fileno(), False)
        client = socket.socket(socket.AF_UNIX)
        try:
            client.connect(place)
        except OSError:
            start(place, paths, main)
            client.connect(place)
        return client


def program():
    folder, paths, *argv = sys.argv[1:]
    real = [os.path.realpath(path) for path in paths.split(":")]
    client = connected(folder, real, os.path.realpath(argv[0]))
    job = {"cwd": os.getcwd(), "env": dict(os.environ), "argv": argv}
    socket.send_fds(client, [json.dumps(job).encode()], [0, 1, 2])
    answer = client.recv(16)
    # A process that was killed says nothing, or the signal.
    sys.exit(int(answer) & 255 if answer else 1)


program()
