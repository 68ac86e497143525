"""The chain from reader to recorder, built anew for each shot."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from hueshift_jax.errors import JournalError
from hueshift_jax.pipeline.clockwork import Shares
from hueshift_jax.pipeline.colorize import colorize
from hueshift_jax.pipeline.compose import Composer
from hueshift_jax.pipeline.controls import Controls, control
from hueshift_jax.pipeline.facts import ShotFacts
from hueshift_jax.pipeline.frames import Chroma, ColorFrame, View, look
from hueshift_jax.pipeline.given import Given, give
from hueshift_jax.pipeline.journal import Journal
from hueshift_jax.pipeline.motion import Motion
from hueshift_jax.pipeline.own_color import pass_through
from hueshift_jax.pipeline.painter import Painter
from hueshift_jax.pipeline.progress import Mark, Progress, Stretch, unmarked
from hueshift_jax.pipeline.recorder import Composed, Products, Recorder
from hueshift_jax.pipeline.rules import Rules
from hueshift_jax.pipeline.segments import Divider, Keeper
from hueshift_jax.pipeline.shot_list import ShotList
from hueshift_jax.pipeline.shots import Shot, split
from hueshift_jax.pipeline.stabilize import stabilize
from hueshift_jax.video.prefetch import Background, prefetch
from hueshift_jax.video.probe import MediaInfo
from hueshift_jax.video.reader import Damage, Reader

_AHEAD = 8
_BEHIND = 4


@dataclass(frozen=True)
class Plan:
    """What to do with a film.

    painter colors frames without stored chroma; it may be missing where there are none. reach is
    that of the smoother, 0 for none; motion is how chroma is carried from frame to frame, none
    where the network is to see them all. start_s and end_s trim the film. mark stands for what a
    person gives for a shot, and given is that itself. rules say how shots are judged; shots is a
    person's own list of them.
    """

    info: MediaInfo
    painter: Painter | None
    controls: Controls = field(default_factory=Controls)
    reach: int = 0
    products: Products = field(default_factory=Products)
    start_s: float | None = None
    end_s: float | None = None
    mark: Mark = unmarked
    motion: Motion | None = None
    given: Given | None = None
    rules: Rules = field(default_factory=Rules)
    shots: ShotList | None = None


@dataclass(frozen=True)
class Tally:
    """What was done: segments and frames in all, and what was wrong with the source."""

    segments: int
    frames: int
    damage: Damage
    shares: Shares


def run(plan: Plan, journal: Journal, progress: Progress, on_frame: Callable[[], None]) -> Tally:
    """Encodes every segment that is not encoded yet; decodes only what that needs.

    Raises:
      UnreadableMediaError, UnsupportedMediaError: from the reader.
      UnwritableMediaError: from the writers; finished segments stay.
      JournalError: the film has other frames than those with stored chroma.
    """
    shares = plan.painter.shares if plan.painter is not None else Shares()
    damage = progress.damage or Damage()
    tally = Tally(len(progress.segments), progress.frames, damage, shares)
    for stretch in progress.stretches():
        recorder = Recorder(
            journal,
            plan.info,
            plan.products,
            number=stretch.first,
            shares=shares,
            on_frame=on_frame,
        )
        keeper = Keeper(journal, progress, stretch.first)
        with _reader(plan, progress, stretch) as reader:
            stored = journal.stored(range(stretch.first, stretch.end))
            views = shares.timed(_views(plan, reader, stored, stretch.goes_on), "decode")
            divider = Divider(plan.mark, progress, stretch.first)
            try:
                _record(plan, views, keeper, divider, recorder=recorder, shares=shares)
            except BaseException:
                recorder.abandon()
                raise
        if stretch.goes_on:
            tally = Tally(keeper.segments, keeper.frames, reader.damage, shares)
    return tally


def _reader(plan: Plan, progress: Progress, stretch: Stretch) -> Reader:
    """Of the frames from a stretch on.

    The timestamps of pictures, and of an undamaged film that was read to its end before, need
    no look at what came earlier.
    """
    known = progress.damage
    exact = known is not None and not known and not known.repaired_timestamps
    after = None
    if stretch.first and (exact or plan.info.kind != "film"):
        after = progress.segments[stretch.first - 1].last_pts
    return Reader(
        plan.info,
        start_s=plan.start_s,
        end_s=plan.end_s,
        skip=progress.frames_before(stretch.first),
        after_pts=after,
        chroma=plan.rules.keep != "no",
    )


def _record(
    plan: Plan,
    views: Iterator[View],
    keeper: Keeper,
    divider: Divider,
    *,
    recorder: Recorder,
    shares: Shares,
) -> None:
    """Lets views pass the chain while others are decoded, composed and encoded."""
    with (
        contextlib.closing(prefetch(views, _AHEAD)) as ahead,
        Background(recorder.consume, _BEHIND) as encoded,
        Background(_composing(plan, shares, encoded.put), _BEHIND) as sink,
    ):
        shots = split(ahead, keeper.past, rules=plan.rules, given=plan.shots)
        _run_shots(plan, shots, keeper, divider, put=sink.put)


def _composing(
    plan: Plan, shares: Shares, put: Callable[[object], None]
) -> Callable[[object], None]:
    """Hands frames on composed, and everything else as it is."""
    info, deep = plan.info, plan.products.encoding.lossless
    composer = Composer(info.height, info.width, info.color, rotation=info.rotation, deep=deep)

    def compose(item: object) -> None:
        if isinstance(item, ColorFrame):
            with shares.during("compose"):
                planes = composer(item)
            item = Composed(planes, item.frame.index)
        put(item)

    return compose


def _views(
    plan: Plan, reader: Reader, stored: Iterator[tuple[int, Chroma, bool, ShotFacts]], goes_on: bool
) -> Iterator[View]:
    """Frames with their stored chroma first, then those that the network is to see."""
    frames = iter(reader)
    for pts, chroma, starts, facts in stored:
        frame = next(frames, None)
        if frame is None or frame.pts != pts:
            raise JournalError(
                f"The stored progress has other frames than {plan.info.path}; "
                "add --no-resume to begin anew."
            )
        yield View(frame, chroma.luma, chroma=chroma, starts_shot=starts, facts=facts)
    if goes_on and plan.painter is not None:
        info = plan.info
        for frame in frames:
            yield look(frame, info.color, info.rotation, plan.painter.size)


def _run_shots(
    plan: Plan,
    shots: Iterator[Shot],
    keeper: Keeper,
    divider: Divider,
    *,
    put: Callable[[object], None],
) -> None:
    for shot in shots:
        if shot.facts.kept:
            wanted = keeper.keep(pass_through(shot.views), shot, put)
        else:
            wanted = _colored(plan, shot, keeper, put)
        for item in divider.divide(wanted, shot.starts):
            put(item)


def _colored(
    plan: Plan, shot: Shot, keeper: Keeper, put: Callable[[object], None]
) -> Iterator[ColorFrame]:
    history = () if shot.starts else keeper.history
    colored = colorize(shot, plan.painter, keeper.leaves, plan.motion)
    kept = keeper.keep(colored, shot, put)
    smooth = stabilize(kept, plan.reach, history) if plan.reach else kept
    wanted = give(smooth, plan.given) if plan.given is not None else smooth
    return control(wanted, plan.controls)
