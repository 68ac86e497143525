"""One film from probe to final name: journal, pipeline, assembly."""

import errno
import importlib.metadata
import math
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Literal

import jax

from hueshift_jax.contracts import Colorizer, FlowEstimator
from hueshift_jax.errors import UnwritableMediaError, UsageError
from hueshift_jax.ops.dis_flow import DisFlow
from hueshift_jax.pipeline import build, durable, events, journal
from hueshift_jax.pipeline.clockwork import Meter
from hueshift_jax.pipeline.controls import Controls
from hueshift_jax.pipeline.given_files import Paths
from hueshift_jax.pipeline.giving import given_for
from hueshift_jax.pipeline.identity import display_size, identify
from hueshift_jax.pipeline.motion import Motion
from hueshift_jax.pipeline.own_color import Keep
from hueshift_jax.pipeline.painter import Painter
from hueshift_jax.pipeline.progress import FOREVER, Mark, Progress, unmarked
from hueshift_jax.pipeline.recorder import Products, side_by_side_info
from hueshift_jax.pipeline.reference import Features
from hueshift_jax.pipeline.rules import Rules
from hueshift_jax.pipeline.shot_table import shot_list_for, write_shots
from hueshift_jax.pipeline.stabilize import reach_for
from hueshift_jax.pipeline.target import check_target
from hueshift_jax.video.probe import PICTURE_RATE, MediaInfo
from hueshift_jax.video.writer import Encoding, assemble

QUICK_PRESET = "superfast"
"""Half the time of "veryfast" for a quarter more bytes: changed colors are to be seen soon."""

_ACCELERATOR_BATCH = 8
_NETWORK_SHARE = {"none": 0.75, "auto": 1.0}
_REPORT_S = 0.2
_BYTES_PER_PIXEL = 0.06
_LOSSLESS_BYTES_PER_PIXEL = 0.6


@dataclass(frozen=True)
class ColorizeOptions:
    """How a film is colored.

    temporal: "auto" smooths colors over time, "none" takes each frame by itself.
    motion: how "auto" follows what moves: OpenCV's dense inverse search, "fast" or "medium", or the
      bundled network with that search after it.
    start_s, end_s: the part wanted, in seconds after the first frame.
    seed: of a system's random choices.
    frames_rate: frames per second of a folder of pictures.
    frames_folder: a folder for the frames as PNG files, beside the film.
    given: colors that a person gives for some frames.
    cuts: a file that lists where shots begin, in place of detection.
    keep_color: which shots keep their own colors: those clearly in color, any with chroma, none.
    side_by_side: a second film of gray and color next to each other.
    overwrite: replace a result that we did not make.
    resume: continue stored progress.
    """

    controls: Controls = field(default_factory=Controls)
    encoding: Encoding = field(default_factory=lambda: Encoding(preset=QUICK_PRESET))
    temporal: Literal["auto", "none"] = "auto"
    motion: Literal["fast", "medium", "network"] = "fast"
    start_s: float | None = None
    end_s: float | None = None
    seed: int = 0
    frames_rate: Fraction = PICTURE_RATE
    frames_folder: Path | None = None
    given: Paths = field(default_factory=Paths)
    cuts: Path | None = None
    keep_color: Keep = "auto"
    side_by_side: bool = False
    overwrite: bool = False
    resume: bool = True


class Film:
    """A film to be colored.

    Args:
      info: what it is.
      output: the result.
      colorizer: what colors it.
      options: how.
      tell: called with events.
      mark: stands for what a person gives for a shot, where `options` name nothing.
      see: features of gray, for references.
      follow: the estimator that `options.motion` names, made when it is needed; its "fast" by
        default.
    """

    def __init__(
        self,
        info: MediaInfo,
        output: Path,
        colorizer: Colorizer,
        options: ColorizeOptions,
        tell: events.Listener,
        *,
        mark: Mark = unmarked,
        see: Features | None = None,
        follow: Callable[[], FlowEstimator] | None = None,
    ):
        self._info = info
        self._follow = follow or partial(DisFlow, "fast")
        self._output = output
        self._colorizer = colorizer
        self._options = options
        self._tell = tell
        self._folder = journal.folder_for(output)
        self._shots = shot_list_for(info, options)
        self._given = given_for(info, options, colorizer, see, folder=self._folder, tell=tell)
        self._mark = mark if self._given is None else self._given.mark
        self._side = output.with_name(f"{output.stem}.side-by-side{output.suffix}")
        self._products = Products(options.encoding, options.side_by_side, options.frames_folder)

    def color(self) -> events.Finished:
        """Does what is left to do; raises as `api.colorize_video`."""
        begin = time.perf_counter()
        job = self._job()
        settled = self._settled(job)
        if not settled:
            self._check_products()
        self._tell(self._found())
        if settled:
            return self._already(begin)
        with journal.Journal(self._folder) as kept:
            identified = getattr(self._colorizer, "identity", None) is not None
            fresh = not (self._options.resume and identified)
            progress = kept.begin(job, mark=self._mark, fresh=fresh)
            tally = self._record(kept, progress)
            self._publish(kept, tally.segments)
        return self._finished(tally, progress, begin)

    def _settled(self, job: journal.Job) -> bool:
        """Whether the result is there already; otherwise, whether it may be made."""
        options = self._options
        check_target(self._info.path, self._output, may_exist=True)
        if not self._output.exists():
            return False
        state = journal.outcome(self._folder, self._output, job) if options.resume else "foreign"
        if state == "foreign":
            check_target(self._info.path, self._output, may_exist=options.overwrite)
        return state == "same"

    def _check_products(self) -> None:
        options = self._options
        if options.side_by_side:
            if min(self._info.width, self._info.height) < 2:
                raise UsageError("A film one pixel wide cannot be shown side by side.")
            mine = options.overwrite or self._folder.exists()
            check_target(self._info.path, self._side, may_exist=mine)
        folder = options.frames_folder
        if folder is not None:
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise UnwritableMediaError(f"{folder} cannot be made: {error.strerror}.") from error

    def _job(self) -> journal.Job:
        options = self._options
        trim = {"start_s": options.start_s, "end_s": options.end_s, "seed": options.seed}
        identity = getattr(self._colorizer, "identity", {"system": type(self._colorizer).__name__})
        look = {
            **asdict(options.controls),
            **asdict(options.encoding),
            "side_by_side": options.side_by_side,
            "frames": options.frames_folder and str(options.frames_folder),
            "encoder": importlib.metadata.version("av"),
        }
        given = self._mark(-FOREVER, FOREVER)
        shots = (self._shots and self._shots.digest(), self._keep)
        network = {**identity, **trim, "temporal": options.temporal, "motion": options.motion}
        network |= dict(zip(journal.OF_SHOTS, shots, strict=True))
        return journal.Job(identify(self._info), network, look, given)

    def _record(self, kept: journal.Journal, progress: Progress) -> build.Tally:
        for line in (progress.note, progress.continuing):
            if line is not None:
                self._tell(events.Note(line))
        total = progress.frames if progress.complete else self._frames_expected()
        self._warn_of_space(progress.encoded_frames, total)
        plan = self._plan(progress)
        reporter = _Reporter(self._tell, progress.encoded_frames, total)
        with self._explained(kept, reporter):
            tally = build.run(plan, kept, progress, reporter.frame)
        if not tally.frames:
            raise UsageError(self._nothing())
        kept.completed(tally.segments, tally.frames, tally.damage)
        line = write_shots(kept, tally.segments, self._info, from_start=not self._options.start_s)
        if line is not None:
            self._tell(events.Note(line))
        return tally

    def _nothing(self) -> str:
        info, start_s = self._info, self._options.start_s or 0.0
        if info.duration_s is not None and start_s >= info.duration_s:
            end = f"the end of {info.path} at {info.duration_s:.2f} s"
            return f"--start at {start_s:g} s is not before {end}."
        return f"{info.path} has no frame between --start and --end."

    def _plan(self, progress: Progress) -> build.Plan:
        info, options = self._info, self._options
        smooth = options.temporal == "auto"
        return build.Plan(
            info,
            None if progress.complete else self._painter(),
            options.controls,
            reach_for(float(info.average_rate)) if smooth else 0,
            self._products,
            options.start_s,
            options.end_s,
            self._mark,
            Motion(self._follow()) if smooth else None,
            self._given,
            Rules(info.color, self._keep, info.rotation),
            self._shots,
        )

    @property
    def _keep(self) -> Keep:
        return "no" if self._info.gray else self._options.keep_color

    def _painter(self) -> Painter:
        used = jax.devices()[0]
        alone = used.platform == "cpu" or self._options.temporal == "auto"
        batch = 1 if alone else _ACCELERATOR_BATCH
        size = self._colorizer.working_size(*display_size(self._info))
        painter = Painter(self._colorizer, size, batch=batch, seed=self._options.seed)
        self._tell(device(used, painter.frames_per_s(), self._options.temporal))
        return painter

    def _publish(self, kept: journal.Journal, segments: int) -> None:
        """Joins the segments and gives the result its name."""
        kinds = {"seg": (self._info, self._output)}
        if self._options.side_by_side:
            kinds["side"] = (side_by_side_info(self._info), self._side)
        drafts = {}
        for kind, (info, path) in kinds.items():
            drafts[kind] = kept.folder / f"{kind}{durable.DRAFT}{path.suffix}"
            paths = [kept.segment_path(number, kind) for number in range(segments)]
            trim = {"start_s": self._options.start_s, "end_s": self._options.end_s}
            for line in assemble(paths, info, drafts[kind], **trim):
                if kind == "seg":
                    self._tell(events.Note(line))
        kept.about_to_replace(drafts["seg"])
        for kind in sorted(kinds, reverse=True):
            durable.commit(drafts[kind], kinds[kind][1])
        kept.finished()

    @contextmanager
    def _explained(self, kept: journal.Journal, reporter: "_Reporter") -> Iterator[None]:
        """Adds to the news that the disk is full how much space is missing."""
        try:
            yield
        except UnwritableMediaError as error:
            full = getattr(error.__cause__, "errno", None) in (errno.ENOSPC, errno.EDQUOT)
            if not full or self._options.frames_folder is not None:  # pictures are not counted
                raise
            needed = kept.encoded_bytes() / max(1, reporter.done) or self._bytes_per_frame()
            left = (reporter.total or reporter.done + 1) - reporter.done
            total = needed * (2 * max(1, left) + reporter.done)
            raise UnwritableMediaError(
                f"{str(error).rstrip('.')}; about {_megabytes(total)} more are needed, and the "
                "same command then continues."
            ) from error

    def _warn_of_space(self, done: int, total: int | None) -> None:
        left = max(0, (total or done) - done)
        needed = 1.1 * (2 * left + done) * self._bytes_per_frame()
        free = journal.free_bytes(self._folder)
        if needed > free:
            self._tell(
                events.Note(
                    f"About {_megabytes(needed)} may be needed, and {_megabytes(free)} are free."
                )
            )

    def _bytes_per_frame(self) -> float:
        lossless = self._options.encoding.lossless
        rate = _LOSSLESS_BYTES_PER_PIXEL if lossless else _BYTES_PER_PIXEL
        return rate * self._info.width * self._info.height

    def _frames_expected(self) -> int | None:
        info, options = self._info, self._options
        if info.frame_count_estimate is None:
            return None
        start_s, end_s = options.start_s or 0.0, options.end_s
        count, rate = info.frame_count_estimate, info.average_rate
        until = count if end_s is None else min(count, _frames_before(end_s, rate))
        return max(1, until - _frames_before(start_s, rate))

    def _found(self) -> events.Found:
        info = self._info
        height, width = display_size(info)
        guessed = f", {' and '.join(info.color.guessed)} guessed" if info.color.guessed else ""
        extent = "full" if info.color.full_range else "limited"
        return events.Found(
            source=info.path,
            output=self._output,
            kind=info.kind,
            width=width,
            height=height,
            frames=self._frames_expected(),
            frames_per_s=round(float(info.average_rate), 3),
            duration_s=info.duration_s,
            codec=info.codec,
            sound_tracks=len(info.audio),
            colors=f"{info.color.matrix} {extent} range{guessed}",
        )

    def _already(self, begin: float) -> events.Finished:
        frames = self._frames_expected() or 0
        spent = time.perf_counter() - begin
        done = events.Finished(self._output, frames, 0, round(spent, 2), already=True)
        self._tell(done)
        return done

    def _finished(self, tally: build.Tally, progress: Progress, begin: float) -> events.Finished:
        done = events.Finished(
            output=self._output,
            frames=tally.frames,
            new_frames=tally.frames - progress.encoded_frames,
            seconds=round(time.perf_counter() - begin, 2),
            shares=tally.shares.fractions(),
            undecodable=tally.damage.undecodable_packets,
            corrupt=tally.damage.corrupt_frames,
            missing_s=tally.damage.missing_s,
        )
        self._tell(done)
        return done


class _Reporter:
    """Counts frames, and tells of them now and then."""

    def __init__(self, tell: events.Listener, done: int, total: int | None):
        self._tell = tell
        self._meter = Meter(done, total)
        self._told = 0.0

    @property
    def done(self) -> int:
        """Frames encoded so far."""
        return self._meter.done

    @property
    def total(self) -> int | None:
        """All frames of the film, where that is known."""
        return self._meter.total

    def frame(self) -> None:
        """One more frame is encoded."""
        meter = self._meter
        meter.advance()
        now = time.perf_counter()
        if now - self._told >= _REPORT_S or meter.done == meter.total:
            self._told = now
            rate, left = meter.frames_per_s, meter.left_s
            self._tell(events.Advance("color", meter.done, meter.total, rate, left))


def device(used: jax.Device, network_rate: float, temporal: str) -> events.Device:
    """The device that is used, and why, and the frames per second to be expected there.

    On a processor the network shares the cores with decoding, composition and encoding; where it
    sees only some frames, that is about what it gains by it.
    """
    asked = jax.config.jax_platforms
    if used.platform == "cpu":
        name, reason = f"the processor ({os.cpu_count()} cores)", "no accelerator was found"
    else:
        name, reason = used.device_kind, "JAX prefers it to the processor"
    expected = network_rate * (_NETWORK_SHARE[temporal] if used.platform == "cpu" else 1.0)
    reason = f"JAX_PLATFORMS is {asked}" if asked else reason
    return events.Device(name, reason, round(expected, 1))


def _frames_before(time_s: float, rate: Fraction) -> int:
    """How many frames of a constant rate begin before a time."""
    return math.ceil(Fraction(time_s).limit_denominator(1_000_000) * rate)


def _megabytes(count: float) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{max(1, round(count / 1e6))} MB"
