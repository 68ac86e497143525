"""The terminal: plain lines, or a bar with lines above it."""

import sys

import pytest

from hueshift_jax.training import screen

FIGURES = {
    "loss": 0.5123,
    "pictures_per_s": 31.4,
    "input_share": 0.02,
    "memory_mib": 912.0,
    "peak_share": 0.45,
}


class Terminal:
    """A stream that says it is a terminal."""

    encoding = "utf-8"

    def __init__(self):
        self.text = ""

    def isatty(self):
        return True

    def write(self, text):
        self.text += text

    def flush(self):
        pass


def test_plain_lines_where_nobody_watches(capsys):
    plain = screen.screen(10)
    assert type(plain) is screen.Screen
    plain.progress(2, {"loss": 0.5, "pictures_per_s": 30.0})
    plain.line("hello")
    plain.close()
    assert capsys.readouterr().out == "step 2  loss 0.5  pictures_per_s 30\nhello\n"


def test_what_one_looks_at():
    text = screen.facts(FIGURES)
    assert text == "loss 0.5123, 31.4 pictures/s, waiting 2%, 912 MiB, 45% of peak"
    assert "loss" not in screen.facts({k: v for k, v in FIGURES.items() if k != "loss"})


def test_a_bar_on_a_terminal(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    live = screen.screen(10)
    assert isinstance(live, screen.LiveScreen)
    live.progress(5, FIGURES)
    live.line("step 5  psnr 23.4  [not a style]")
    live._progress.refresh()
    live.close()
    assert "step 5  psnr 23.4  [not a style]" in terminal.text
    assert "step 5 of 10" in terminal.text
    assert "45% of peak, 0:00:00 left" in terminal.text


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0:00:00"), (59.6, "0:01:00"), (3725, "1:02:05")]
)
def test_clock(seconds, text):
    assert screen._clock(seconds) == text
