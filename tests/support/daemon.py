"""A stand-in for a container daemon and its client: what it runs is nobody's descendant and inherits nothing.

::

    python daemon.py SOCKET serve                              the daemon, until it is killed
    python daemon.py SOCKET run --name N -w DIR --env=K=V -- PROGRAM ...
    python daemon.py SOCKET rm N                               ends the container N, if there is one
    python daemon.py SOCKET ps                                 the names of those that run, one a line

As with the real ones, killing the client of ``run`` leaves what it asked for.
"""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading


def serve(path):
    """Answer one request per connection."""
    running = {}
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen()
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=answer, args=(connection, running), daemon=True).start()


def answer(connection, running):
    with connection, connection.makefile("rw") as stream:
        asked = json.loads(stream.readline())
        if asked["what"] == "run":
            told = run(asked, running)
        elif asked["what"] == "rm":
            told = {"out": "", "status": remove(asked["name"], running)}
        else:
            told = {"out": "".join(f"{name}\n" for name in running), "status": 0}
        with contextlib.suppress(BrokenPipeError):
            stream.write(json.dumps(told) + "\n")
            stream.flush()


def run(asked, running):
    process = subprocess.Popen(
        asked["argv"],
        cwd=asked["folder"],
        env=asked["environ"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    running[asked["name"]] = process
    out, _ = process.communicate()
    running.pop(asked["name"], None)
    return {"out": out, "status": process.returncode}


def remove(name, running):
    process = running.get(name)
    if process is None:
        return 1
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    return 0


def ask(path, **asked):
    """The daemon's answer, printed; its status."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)
        with connection.makefile("rw") as stream:
            stream.write(json.dumps(asked) + "\n")
            stream.flush()
            told = json.loads(stream.readline())
    sys.stdout.write(told["out"])
    return abs(told["status"])


def asked_to_run(words):
    """The options of ``run`` as a request; without ``-w`` a container starts at the root."""
    asked = {"what": "run", "name": str(os.getpid()), "folder": "/", "environ": {}, "argv": []}
    words = list(words)
    while words[0] != "--":
        word = words.pop(0)
        if word == "--name":
            asked["name"] = words.pop(0)
        elif word == "-w":
            asked["folder"] = words.pop(0)
        else:
            name, _, value = word.removeprefix("--env=").partition("=")
            asked["environ"][name] = value
    return asked | {"argv": words[1:]}


def main(path, what, *words):
    if what == "serve":
        serve(path)
    if what == "run":
        return ask(path, **asked_to_run(words))
    return ask(path, what=what, name="".join(words))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
