"""The frame of the command line: light help, near misses, exit codes, one sentence per error."""

from __future__ import annotations

import errno
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from spfem_bench import errors
from spfem_bench.cli import main
from spfem_bench.cli._boundary import BROKEN_PIPE, explain
from spfem_bench.cli._frame import COMMANDS, MEANINGS, echo_json, root, screen, verbose_option
from spfem_bench.errors import ExitCode
from spfem_bench.progress import PlainProgress, RichProgress, SilentProgress, for_stream

HEAVY = {
    "torch",
    "numpy",
    "pandas",
    "av",
    "cv2",
    "mediapipe",
    "pyarrow",
    "scipy",
    "yaml",
    "rich",
    "jsonschema",
}


@click.command()
@click.option("--how-many", type=int, default=1)
@click.option("--raise", "what", default="")
@verbose_option
def probe(how_many: int, what: str) -> None:
    """A command that does what the test asks."""
    if what:
        raise RAISED[what]
    click.echo(f"{how_many}")


RAISED: dict[str, BaseException] = {
    "dataset": errors.DatasetError("clips.jsonl line 3: no such file;\n restore it"),
    "weights": errors.MissingWeightsError("face.task is not here: run the command"),
    "compare": errors.NotComparableError("definitions differ"),
    "integrity": errors.IntegrityError("digest differs"),
    "interrupt": KeyboardInterrupt(),
    "full": OSError(errno.ENOSPC, "No space left on device", "/data/out"),
    "read-only": OSError(errno.EROFS, "Read-only file system"),
    "denied": PermissionError(errno.EACCES, "Permission denied", "/data/out"),
    "surprise": ZeroDivisionError("division by zero"),
    "pipe": BrokenPipeError(errno.EPIPE, "Broken pipe"),
}


def invoke(*args: str) -> Result:
    table = {
        "probe": (f"{__name__}:probe", "Do what the test asks."),
        "data-set": (f"{__name__}:probe", "Other."),
    }
    return CliRunner().invoke(root(table), list(args))


def test_help_imports_nothing_heavy() -> None:
    code = "import sys; sys.argv = ['spfem-bench', '--help']\nfrom spfem_bench.cli import main\n"
    code += "try: main()\nexcept SystemExit: print(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not HEAVY & set(done.stderr.split())
    assert all(name in done.stdout for name in COMMANDS)


def test_help_lists_every_exit_code() -> None:
    shown = CliRunner().invoke(main, ["--help"]).output
    assert set(MEANINGS) == set(ExitCode)
    for code, meaning in MEANINGS.items():
        assert any(line.split() == [str(int(code)), *meaning.split()] for line in shown.splitlines())


def test_version_and_bare_call() -> None:
    assert CliRunner().invoke(main, ["--version"]).output == "spfem-bench, version 0.1.0\n"
    bare = CliRunner().invoke(main, [])
    assert "Exit codes" in bare.output


def test_options_may_be_written_in_snake_case() -> None:
    assert invoke("probe", "--how_many", "3").output == "3\n"
    assert invoke("probe", "--how-many=4").output == "4\n"
    assert invoke("data_set").output == "1\n"


def test_unknown_names_are_answered_with_the_nearest() -> None:
    near = invoke("prob")
    assert near.exit_code == 2
    assert (
        near.stderr
        == "spfem-bench: there is no command 'prob': did you mean probe? See 'spfem-bench --help'.\n"
    )
    far = invoke("xyz")
    assert "there are probe, data-set" in far.stderr
    wrong = invoke("probe", "--how-mny", "3")
    assert wrong.exit_code == 2
    assert "--how-many" in wrong.stderr
    assert wrong.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("what", "code", "said"),
    [
        ("dataset", 2, "clips.jsonl line 3: no such file; restore it"),
        ("compare", 4, "definitions differ"),
        ("weights", 5, "face.task is not here: run the command"),
        ("integrity", 6, "digest differs"),
        ("interrupt", 130, "interrupted; what was finished is kept, run the same command to go on"),
        ("full", 5, "/data/out: the disk is full; free some space and run the same command again"),
        ("read-only", 5, "the file system is read-only"),
        ("denied", 5, "/data/out: permission denied"),
        ("surprise", 1, "ZeroDivisionError: division by zero; run again with -v for the traceback"),
    ],
)
def test_each_error_is_one_sentence_and_its_code(what: str, code: int, said: str) -> None:
    done = invoke("probe", "--raise", what)
    assert done.exit_code == code
    assert done.stdout == ""
    sentence = done.stderr.strip().splitlines()
    assert len(sentence) == 1
    assert sentence[0].startswith("spfem-bench: ")
    assert said in sentence[0]


@pytest.mark.parametrize("args", [("-v", "probe"), ("probe", "--verbose")])
def test_verbose_adds_the_traceback(args: tuple[str, ...]) -> None:
    done = invoke(*args, "--raise", "surprise")
    assert done.exit_code == 1
    assert "Traceback" in done.stderr
    assert done.stderr.splitlines()[-1].startswith("spfem-bench: ")


def test_a_reader_who_went_away_ends_quietly_but_not_with_success() -> None:
    done = invoke("probe", "--raise", "pipe")
    assert (done.exit_code, done.stderr) == (BROKEN_PIPE, "")


def test_a_closed_pipe_says_nothing() -> None:
    code = "from spfem_bench.cli._frame import root\nimport click\n"
    code += "import sys, types\nmod = types.ModuleType('many')\n"
    code += "mod.many = click.command()(lambda: [click.echo('x' * 100) for _ in range(10000)] and None)\n"
    code += "sys.modules['many'] = mod\nroot({'many': ('many:many', '')})(['many'])"
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.readline()
    child.stdout.close()
    _, said = child.communicate(timeout=60)
    assert (child.returncode, said) == (BROKEN_PIPE, b"")


def test_every_error_of_the_tree_has_a_documented_code() -> None:
    def below(kind: type[errors.BenchError]) -> list[type[errors.BenchError]]:
        return [kind, *(leaf for child in kind.__subclasses__() for leaf in below(child))]

    for kind in below(errors.BenchError):
        assert explain(kind("sentence")) == ("sentence", kind.exit_code)


def test_json_is_sorted_finite_and_ends_with_a_newline(capsys: pytest.CaptureFixture[str]) -> None:
    echo_json({"b": 1, "a": "é"})
    out = capsys.readouterr().out
    assert json.loads(out) == {"a": "é", "b": 1}
    assert out.index('"a"') < out.index('"b"')
    assert out.endswith("}\n")
    with pytest.raises(ValueError, match="JSON"):
        echo_json({"a": float("nan")})


def test_a_pipe_is_no_screen() -> None:
    assert screen() == (None, False)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script(shell: str) -> None:
    done = CliRunner().invoke(main, ["completion", shell])
    assert done.exit_code == 0
    assert "_SPFEM_BENCH_COMPLETE" in done.output


def test_completing_a_command_imports_no_command() -> None:
    variables = {"_SPFEM_BENCH_COMPLETE": "bash_complete", "COMP_WORDS": "spfem-bench d", "COMP_CWORD": "1"}
    code = "import sys; sys.argv = ['spfem-bench']\nfrom spfem_bench.cli import main\n"
    code += "try: main()\nexcept SystemExit: print(*sys.modules, file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env={**os.environ, **variables},
        check=True,
    )
    assert {"plain,demo", "plain,data", "plain,doctor"} <= set(done.stdout.split())
    assert not HEAVY & set(done.stderr.split())


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_fits_the_stream() -> None:
    assert isinstance(for_stream(io.StringIO(), {}), PlainProgress)
    assert isinstance(for_stream(Terminal(), {"TERM": "dumb"}), PlainProgress)
    assert isinstance(for_stream(Terminal(), {}), RichProgress)
    assert isinstance(for_stream(Terminal(), {}, quiet=True), SilentProgress)


def run_stage(progress: Any, items: int, tick: Callable[[], None] = lambda: None) -> None:
    with progress:
        progress.start("measure", items)
        for index in range(items):
            tick()
            progress.advance("measure", f"item{index}")
        progress.note("a note")
        progress.finish("measure")


def test_plain_progress_says_about_ten_lines() -> None:
    stream = io.StringIO()
    run_stage(PlainProgress(stream, clock=lambda: 0.0), 1000)
    lines = stream.getvalue().splitlines()
    assert lines[0] == "measure: 1000 to do"
    assert lines[1] == "measure: 100 of 1000 (10%), item99"
    assert lines[-2:] == ["a note", "measure: 1000 of 1000 done"]
    assert len(lines) == 12


def test_plain_progress_speaks_up_every_ten_seconds() -> None:
    stream, now = io.StringIO(), [0.0]

    def tick() -> None:
        now[0] += 4.0

    run_stage(PlainProgress(stream, clock=lambda: now[0]), 20, tick)
    assert "measure: 2 of 20 (10%), item1" in stream.getvalue()
    slow = io.StringIO()
    run_stage(PlainProgress(slow, clock=lambda: now[0]), 200, tick)
    assert "measure: 3 of 200 (2%), item2" in slow.getvalue()


def test_bars_write_to_their_stream_and_show_odd_names(capsys: pytest.CaptureFixture[str]) -> None:
    stream = Terminal()
    progress = for_stream(stream, {"NO_COLOR": "1"})
    with progress:
        progress.start("measure", 2)
        progress.advance("measure", "[red]clip[/]")
        progress.advance("measure", "b")
        progress.note("[bold] is no markup")
        progress.finish("measure")
    drawn = stream.getvalue()
    assert "measure" in drawn
    assert "2/2" in drawn
    assert "[bold] is no markup" in drawn
    assert "\x1b[3" not in drawn.replace("\x1b[?25", "")  # no colour
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("name", COMMANDS)
def test_every_listed_command_can_be_had_and_has_help(name: str) -> None:
    done = CliRunner().invoke(main, [name, "--help"])
    assert done.exit_code == 0, done.output
    assert f"Usage: spfem-bench {name}" in done.output
    assert COMMANDS[name][1].endswith(".")


def test_a_file_that_ends_early_is_no_interruption() -> None:
    """click takes an EOFError for somebody who left a prompt; nothing here prompts."""
    aborted = click.Abort()
    aborted.__cause__ = EOFError("EOF read where object expected")
    sentence, code = explain(aborted)
    assert code == ExitCode.INTERNAL
    assert "EOF read where object expected" in sentence
    assert explain(click.Abort())[1] == ExitCode.INTERRUPTED
