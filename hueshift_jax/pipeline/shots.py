"""Where shots begin, and what holds for each.

How a cut is told from motion and from a flash is in `video.cuts`; a person's own list of shots
takes its place.
"""

import itertools
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from hueshift_jax.pipeline.bars import hidden, still_there
from hueshift_jax.pipeline.facts import Found, ShotFacts
from hueshift_jax.pipeline.frames import View
from hueshift_jax.pipeline.rules import Rules, until_change
from hueshift_jax.pipeline.shot_list import ShotList
from hueshift_jax.video.cuts import LOOKAHEAD, Detector
from hueshift_jax.video.frame import NO_BARS
from hueshift_jax.video.thumbnails import thumbnail


@dataclass(frozen=True)
class Shot:
    """The frames of one shot; the first one may go on from an earlier run, and not start here."""

    starts: bool
    views: Iterator[View]
    facts: ShotFacts = field(default_factory=ShotFacts)


@dataclass(frozen=True)
class Past:
    """What came before the first view: thumbnails, at most HISTORY, and the facts of its shot.

    pts is the time of the last frame before; None if there is none.
    """

    thumbs: Sequence[np.ndarray] = ()
    facts: ShotFacts = field(default_factory=ShotFacts)
    pts: int | None = None


@dataclass(frozen=True)
class _Judged:
    """A view; the facts of the shot that it begins, if it does."""

    view: View
    begins: ShotFacts | None


def split(
    views: Iterable[View],
    past: Past | None = None,
    *,
    rules: Rules | None = None,
    given: ShotList | None = None,
) -> Iterator[Shot]:
    """The shots, each to be used up before the next is asked for. Lookahead: LOOKAHEAD frames.

    Frames of a shot that does not keep its own colors lose them; those of one with bars know
    these, and the network sees the picture mirrored into them.

    Args:
      views: all frames in order. Those with `starts_shot` are not judged again.
      past: what came before the first view.
      rules: by what shots are judged.
      given: a person's own list of shots.
    """
    past, rules = past or Past(), rules or Rules()
    number, facts = 0, past.facts

    def shot_of(judged: _Judged) -> int:
        nonlocal number, facts
        if judged.begins is not None:
            number, facts = number + 1, judged.begins
        return number

    for count, shot in itertools.groupby(_Judge(past, rules, given).all(views), shot_of):
        yield Shot(count > 0, _prepared(shot, facts, rules), facts)


def _prepared(shot: Iterator[_Judged], facts: ShotFacts, rules: Rules) -> Iterator[View]:
    for judged in shot:
        view = judged.view
        if view.frame.chroma is not None and not facts.kept:
            view = replace(view, frame=replace(view.frame, chroma=None))
        yield _barred(view, facts, rules)


def _barred(view: View, facts: ShotFacts, rules: Rules) -> View:
    bars, luma = facts.bars, view.frame.luma
    if bars == NO_BARS or rules.color is None or not still_there(luma, rules.color, bars):
        return view
    gray = view.gray
    if gray is not None:
        gray = hidden(gray, bars, luma.shape, rules.rotation)
    return replace(view, frame=replace(view.frame, bars=bars), gray=gray)


class _Judge:
    """Says of each frame, once enough of those after it are known, whether it begins a shot."""

    def __init__(self, past: Past, rules: Rules, given: ShotList | None):
        self._rules = rules
        self._given = given
        self._facts = past.facts
        self._pts = past.pts
        self._detector = Detector([thumbnail(thumb) for thumb in past.thumbs])
        self._waiting: deque[tuple[View, np.ndarray]] = deque()

    def all(self, views: Iterable[View]) -> Iterator[_Judged]:
        """The views, judged."""
        for view in views:
            self._waiting.append((view, thumbnail(view.thumb)))
            if len(self._waiting) > LOOKAHEAD:
                yield self._next()
        while self._waiting:
            yield self._next()

    def _next(self) -> _Judged:
        view, thumb = self._waiting[0]
        found = self._found(view, thumb)
        facts = None
        if found is not None:
            facts = view.facts or self._facts_of(view, found)
            self._facts = facts
        self._waiting.popleft()
        self._pts = view.frame.pts
        return _Judged(view, facts)

    def _found(self, view: View, thumb: np.ndarray) -> Found | None:
        first = self._pts is None
        known = view.starts_shot
        if known is None and self._given is not None:
            known = first or self._given.begins(view.frame, self._pts)
            return ("start" if first else "given") if known else None
        after = [thumb for _, thumb in itertools.islice(self._waiting, 1, None)]
        found = self._detector.step(thumb, after, known=known)
        return "start" if found and first else found

    def _facts_of(self, view: View, found: Found) -> ShotFacts:
        count = until_change([thumb for _, thumb in self._waiting])
        frames = [view.frame for view, _ in itertools.islice(self._waiting, count)]
        kept = self._given.kept(view.frame, self._pts) if self._given is not None else None
        return self._rules.judge(found, frames, self._facts, kept)
