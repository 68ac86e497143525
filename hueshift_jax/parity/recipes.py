"""Reference inputs and weights that are recipes: the same numbers from the same names, anywhere.

A reference file keeps outputs; its inputs and weights are drawn from generators seeded by the
file's key and the tensor's name, and its meta says how, in lines such as
`image(key,'x',(2,3,64,96),-2.0,2.4)`. Nothing but such calls is read from those lines.
"""

import ast
import re
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from hueshift_jax.errors import ParityError

_CALL = re.compile(r"\b(image|normal|generator|u8)\(")
_SYMBOLS = re.compile(
    r"\b((?:[A-Za-z]\w*\s*,\s*)*[A-Za-z]\w*)\s*=\s*(\d+(?:\s*,\s*\d+)*)(?![\w.\[(])"
)


def generator(key: str, name: str) -> np.random.Generator:
    """The random stream of one tensor."""
    return np.random.Generator(np.random.PCG64(zlib.crc32(f"{key}:{name}".encode())))


def normal(key: str, name: str, shape: tuple[int, ...]) -> np.ndarray:
    """Standard normal values, float32."""
    return generator(key, name).standard_normal(shape).astype(np.float32)


def tensor(key: str, name: str, shape: tuple[int, ...]) -> np.ndarray:
    """The published tensor `name`: variances in 0.5..1.5, scales near 1, kernels as He's."""
    rng, last = generator(key, name), name.rpartition(".")[2]
    if last == "num_batches_tracked":
        return np.zeros(shape, np.int64)
    if last == "running_var":
        return rng.uniform(0.5, 1.5, shape).astype(np.float32)
    value = None if np.prod(shape) == 1 else rng.standard_normal(shape)
    if last == "running_mean":
        value = 0.1 * (rng.standard_normal(shape) if value is None else value)
    elif last.endswith(("_u", "_v")):
        value = rng.standard_normal(shape) if value is None else value
        value = value / np.linalg.norm(value)
    elif value is None:
        value = np.full(shape, 0.5)
    elif len(shape) > 1:
        value = value * np.sqrt(2.0 / float(np.prod(shape[1:])))
    elif last.endswith(("weight", "gamma", "scale")):
        value = 1.0 + 0.1 * value
    else:
        value = 0.1 * value
    return value.astype(np.float32)


def image(
    key: str, name: str, shape: tuple[int, ...], low: float = 0.0, high: float = 1.0
) -> np.ndarray:
    """Six random plane waves per picture and a little noise, stretched to low..high, float32.

    The last two axes of `shape` are height and width.
    """
    rng = generator(key, name)
    height, width = shape[-2:]
    y, x = np.mgrid[0:height, 0:width] / max(height, width)
    value = np.zeros(shape)
    for _ in range(6):
        across = rng.uniform(0.5, 6.0, (2, *shape[:-2], 1, 1))
        phase = rng.uniform(0, 2 * np.pi, (*shape[:-2], 1, 1))
        wave = np.sin(2 * np.pi * (across[0] * y + across[1] * x) + phase)
        value += rng.uniform(0.2, 1.0) * wave
    value += 0.05 * rng.standard_normal(shape)
    value = (value - value.min()) / (value.max() - value.min())
    return (low + (high - low) * value).astype(np.float32)


@dataclass(frozen=True)
class Recipe:
    """One drawn input.

    kind: "image", "normal" or "u8" (an image as bytes).
    key: of the stream; None stands for the file's own.
    name: of the stream; `%d` stands for a number.
    """

    kind: str
    key: str | None
    name: str
    shape: tuple[int, ...]
    low: float = 0.0
    high: float = 1.0

    def draw(self, key: str, number: int | None = None) -> np.ndarray:
        """The values, (..., height, width) for an image."""
        key = key if self.key is None else self.key
        name = self.name if number is None else self.name % number
        if self.kind == "normal":
            return normal(key, name, self.shape)
        value = image(key, name, self.shape, self.low, self.high)
        return np.round(value * 255).astype(np.uint8) if self.kind == "u8" else value


def read(text: str, symbols: Mapping[str, int]) -> Iterator[Recipe]:
    """The recipes in one line of a meta, in order.

    symbols: sizes known from elsewhere, by name; those stated in the line itself, as in
      `n,h,w=2,128,192`, are added.
    """
    symbols = dict(symbols) | dict(read_symbols(text))
    calls = list(_calls(text))
    shaped = [parts for _, parts in calls if parts[2:] and parts[2] != "..."]
    before = shaped[:1]
    for kind, parts in calls:
        if parts in shaped:
            before = [parts]
        elif before:
            # "..." stands for what the call before, or else the first with a shape, was given.
            parts = [*parts[:2], before[0][2], *(parts[3:] or before[0][3:])]
        yield from _recipes(kind, parts, symbols)


def _calls(text: str) -> Iterator[tuple[str, list[str]]]:
    """Kind and arguments of every call that draws."""
    for match in _CALL.finditer(text):
        parts = _arguments(text, match.end())
        kind = match[1]
        if kind == "generator":
            after = re.match(r"\.standard_normal\(", text[_end(text, match.end()) :])
            if not after:
                continue
            start = _end(text, match.end()) + after.end()
            parts, kind = [*parts, ",".join(_arguments(text, start))], "normal"
        yield kind, ["key", *parts] if kind == "u8" else parts


def read_symbols(text: str) -> Iterator[tuple[str, int]]:
    """Named whole numbers: `n,h,w=2,128,192` gives three."""
    for names, values in _SYMBOLS.findall(text):
        split = names.split(","), values.split(",")
        if len(split[0]) == len(split[1]):
            yield from ((n.strip(), int(v)) for n, v in zip(*split))


def _end(text: str, start: int) -> int:
    """One past the parenthesis that closes the one before `start`."""
    depth = 1
    for place in range(start, len(text)):
        depth += {"(": 1, ")": -1}.get(text[place], 0)
        if not depth:
            return place + 1
    raise ParityError(f"a recipe is not closed: {text!r}")


def _arguments(text: str, start: int) -> list[str]:
    """The arguments of a call whose parenthesis opened before `start`, outermost commas only."""
    parts, depth, begin = [], 0, start
    end = _end(text, start) - 1
    for place in range(start, end):
        depth += {"(": 1, ")": -1}.get(text[place], 0)
        if text[place] == "," and not depth:
            parts.append(text[begin:place].strip())
            begin = place + 1
    return [*parts, text[begin:end].strip()]


def _recipes(kind: str, parts: list[str], symbols: Mapping[str, int]) -> Iterator[Recipe]:
    key, names, shape, *bounds = parts
    names = [part.strip() for part in names.split("|")]
    if not all(re.fullmatch(r"'[^']*'|\"[^\"]*\"", name) for name in names):
        return
    size = _shape(shape, symbols)
    for name in names:
        owner = None if key == "key" else ast.literal_eval(key)
        yield Recipe(kind, owner, ast.literal_eval(name), size, *map(float, bounds))


def _shape(text: str, symbols: Mapping[str, int]) -> tuple[int, ...]:
    tree = ast.parse(text.strip(), mode="eval").body
    parts = tree.elts if isinstance(tree, ast.Tuple) else [tree]
    return tuple(_size(part, symbols, text) for part in parts)


def _size(node: ast.expr, symbols: Mapping[str, int], text: str) -> int:
    """A whole number, a symbol, or a sum, difference, product or quotient of those."""
    if isinstance(node, ast.Constant) and isinstance(node.value, int):
        return node.value
    if isinstance(node, ast.Name) and node.id in symbols:
        return symbols[node.id]
    if isinstance(node, ast.BinOp):
        left, right = _size(node.left, symbols, text), _size(node.right, symbols, text)
        match node.op:
            case ast.Add():
                return left + right
            case ast.Sub():
                return left - right
            case ast.Mult():
                return left * right
            case ast.Div() | ast.FloorDiv():
                return left // right
    raise ParityError(f"the size {text!r} in a recipe cannot be read")
