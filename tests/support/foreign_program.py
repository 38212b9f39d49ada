"""A foreign program for tests: copies its source, and does one wrong thing to one trial.

Run as ``python foreign_program.py JOB``. The job's options say the ``fault`` (a function below, or ``none``)
and the ``victim``, a trial's id. Standard library only, so that it starts quickly.
"""

import ctypes
import json
import os
import resource
import shutil
import struct
import subprocess
import sys
import time
import zlib
from pathlib import Path


def main(job):
    """Make every trial."""
    options = job["options"]
    for trial in job["trials"]:
        is_victim = options.get("victim", "") in ("", trial["trial"])
        fault = FAULTS[options.get("fault", "none")] if is_victim else copy
        fault(trial, job)


def finish(trial, **told):
    """Leave a result, last and by a rename."""
    output = Path(trial["output"])
    text = json.dumps({"format": "spfem-result@1", "trial": trial["trial"], **told})
    (output / "result.tmp").write_text(text)
    (output / "result.tmp").rename(output / "result.json")


def frames_of(trial):
    return sorted(Path(trial["source"]["frames"]).iterdir())


def copied(trial, count=None, start=0):
    folder = Path(trial["output"]) / "frames"
    folder.mkdir()
    for picture in frames_of(trial)[start:count]:
        shutil.copyfile(picture, folder / picture.name)
    return folder


def copy(trial, job):
    copied(trial)
    finish(trial, file="frames")


def hang(trial, job):
    print("waiting for the server", flush=True)
    time.sleep(3600)


def crash(trial, job):
    raise ValueError("no face in " + trial["source"]["first-frame"])


def segfault(trial, job):
    ctypes.string_at(0)


def refuse(trial, job):
    finish(trial, failed="the face is\ntoo small")


def garbage(trial, job):
    (Path(trial["output"]) / "video.mp4").write_bytes(b"not a video" * 1000)
    finish(trial, file="video.mp4")


def too_few(trial, job):
    copied(trial, 5)
    finish(trial, file="frames")


def half(trial, job):
    """Few frames, honestly mapped."""
    copied(trial, 5)
    finish(trial, file="frames", **{"frame-map": list(range(5))})


def nan(trial, job):
    write_array(trial, "<f4", struct.pack("<f", float("nan")))
    finish(trial, file="frames.npy")


def pickled(trial, job):
    write_array(trial, "|O", b"cos\nsystem\n(S'true'\ntR.")
    finish(trial, file="frames.npy")


def write_array(trial, kind, item):
    width, height = trial["source"]["size"]
    shape = (trial["source"]["frame-count"], height, width, 3)
    head = repr({"descr": kind, "fortran_order": False, "shape": shape})
    head = head.ljust(117) + "\n"
    body = item * (shape[0] * height * width * 3) if kind != "|O" else item
    content = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head.encode() + body
    (Path(trial["output"]) / "frames.npy").write_bytes(content)


def changing_size(trial, job):
    folder = copied(trial)
    (folder / "000003.png").write_bytes(png(16, 16))
    finish(trial, file="frames")


def other_size(trial, job):
    folder = Path(trial["output"]) / "frames"
    folder.mkdir()
    for picture in frames_of(trial):
        (folder / picture.name).write_bytes(png(20, 16))
    finish(trial, file="frames")


def png(width, height):
    """A black picture."""
    rows = (b"\0" + bytes(3 * width)) * height
    head = struct.pack(">2I5B", width, height, 8, 2, 0, 0, 0)
    parts = [b"IHDR" + head, b"IDAT" + zlib.compress(rows), b"IEND"]
    chunks = [struct.pack(">I", len(one) - 4) + one + struct.pack(">I", zlib.crc32(one)) for one in parts]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def other_fps(trial, job):
    """A video of twice the rate: all frames, in half the time."""
    import av

    width, height = trial["source"]["size"]
    with av.open(str(Path(trial["output"]) / "video.mkv"), "w") as container:
        stream = container.add_stream("ffv1", rate=2 * int(trial["source"]["fps"].split("/")[0]))
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for _ in frames_of(trial):
            container.mux(stream.encode(av.VideoFrame(width, height, "yuv420p")))
        container.mux(stream.encode(None))
    finish(trial, file="video.mkv")


def no_file(trial, job):
    print("done")
    sys.exit(0)


def missing_file(trial, job):
    finish(trial, file="video.mp4")


def malformed(trial, job):
    (Path(trial["output"]) / "result.json").write_text('{"file": ')


def unknown_key(trial, job):
    copied(trial)
    finish(trial, file="frames", framemap=[0])


def other_trial(trial, job):
    copied(trial)
    finish({**trial, "trial": "another"}, file="frames")


def beyond(trial, job):
    copied(trial)
    finish(trial, file="frames", **{"frame-map": [999] * trial["source"]["frame-count"]})


def escape(trial, job):
    finish(trial, file="../../job.json")


def link_out(trial, job):
    (Path(trial["output"]) / "frames").symlink_to(trial["source"]["frames"])
    finish(trial, file="frames")


def linked_pictures(trial, job):
    folder = Path(trial["output"]) / "frames"
    folder.mkdir()
    for picture in frames_of(trial):
        (folder / picture.name).symlink_to(picture)
    finish(trial, file="frames")


def write_outside(trial, job):
    (Path(job["checkout"]) / "junk.txt").write_text("left behind")
    copy(trial, job)


def write_into_inputs(trial, job):
    picture = frames_of(trial)[0]
    picture.chmod(0o644)
    picture.write_bytes(picture.read_bytes() + b"more")
    copy(trial, job)


def write_into_all_inputs(trial, job):
    """Every trial's first picture turns black."""
    for folder in Path(trial["source"]["frames"]).parents[2].glob("*/source/frames"):
        picture = folder / "000000.png"
        picture.chmod(0o644)
        picture.write_bytes(png(*trial["source"]["size"]))
    copy(trial, job)


def write_into_results(trial, job):
    """The first process makes one trial and crashes, the second turns that trial's first picture black."""
    if Path.cwd().name == "01" and trial is not job["trials"][0]:
        crash(trial, job)
    made = Path("../01/outputs/0000/frames/000000.png")
    if Path.cwd().name != "01":
        made.write_bytes(png(*trial["source"]["size"]))
    copy(trial, job)


def write_once(trial, job):
    """A cache, where there is none."""
    cache = Path(job["checkout"]) / "cache.txt"
    if not cache.exists():
        cache.write_text("made once")
    copy(trial, job)


def change_itself(trial, job):
    script = Path(sys.argv[0])
    script.write_text(script.read_text() + "# changed\n")
    copy(trial, job)


def write_beside(trial, job):
    Path("../stray.txt").write_text("left behind")
    copy(trial, job)


def children(trial, job):
    """Leaves processes: of its own group, of a session of their own, and orphans of that."""
    sleeping = "import time; time.sleep(3600)"
    subprocess.Popen([sys.executable, "-S", "-c", sleeping])
    subprocess.Popen([sys.executable, "-S", "-c", sleeping], start_new_session=True)
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            time.sleep(3600)
        os._exit(0)
    copy(trial, job)


def talk(trial, job):
    """Megabytes of output, in both streams."""
    block = b"y\n" * (1 << 19)
    for _ in range(int(job["options"]["megabytes"]) // 2):
        os.write(1, block)
        os.write(2, block)
    copy(trial, job)


def fill_disk(trial, job):
    with (Path(job["scratch"]) / "filler").open("wb", buffering=0) as filler:
        while True:
            if filler.write(bytes(1 << 16)) < 1 << 16:
                filler.write(b"more")


def full_shm(trial, job):
    sys.exit("RuntimeError: unable to write to file </torch_4711_0>: No space left on device (28)")


def hog(trial, job):
    """As much memory as there is."""
    if resource.getrlimit(resource.RLIMIT_AS)[0] == resource.RLIM_INFINITY:
        raise RuntimeError("this test must not run without a cap on memory")
    kept = []
    while True:
        kept.append(bytearray(1 << 26))


def hogs(trial, job):
    """More memory than is allowed, in processes that each stay below."""
    code = "kept = bytearray(100 << 20); import time; time.sleep(600)"
    for process in [subprocess.Popen([sys.executable, "-S", "-c", code]) for _ in range(4)]:
        process.wait()


def kill_parent(trial, job):
    os.kill(os.getppid(), 9)
    time.sleep(3600)


def spy(trial, job):
    """Tell what it was given of the surroundings."""
    (Path(trial["output"]) / "environ.json").write_text(json.dumps(dict(os.environ)))
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    (Path(trial["output"]) / "address-space.txt").write_text(str(limit))
    copy(trial, job)


def lock_folders(trial, job):
    """Folders that cannot be removed without being opened first."""
    (Path(job["scratch"]) / "closed" / "inner").mkdir(parents=True)
    (Path(job["scratch"]) / "closed").chmod(0o500)
    copy(trial, job)


FAULTS = {name.replace("_", "-"): made for name, made in dict(globals()).items() if callable(made)}
FAULTS["none"] = copy

if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text()))
