"""Whether the pickle inside a file of torch.save is of the plain kind, decided without building anything.

torch's own reader (`weights_only=True`) runs no code, but a few hundred bytes can keep it busy for ever: tuples that
hold one another twice at each level, as keys of a table, take 2ⁿ steps to hash, and keys of equal hash quadratic time.
"""

from __future__ import annotations

import pickletools
import re
from dataclasses import dataclass
from typing import Any

LONGEST = 1 << 18
"""Bytes of a pickle; that of a mixture has 7 kB, its tensors lie beside it."""
_DEEPEST = 16
_MOST_PARTS = 1 << 18
_MOST_ARGUMENTS = 64
"""Parts of what is handed to a function or names a storage; those of a tensor of eight dimensions are fewer."""
_PLAIN = frozenset(
    {
        *("PROTO", "STOP", "MARK", "GLOBAL", "REDUCE", "BUILD", "BINPERSID", "NONE", "NEWTRUE", "NEWFALSE"),
        *("BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT", "BINUNICODE", "EMPTY_DICT", "EMPTY_LIST"),
        *("EMPTY_TUPLE", "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3", "SETITEM", "SETITEMS", "APPEND", "APPENDS"),
        *("BINPUT", "LONG_BINPUT", "BINGET", "LONG_BINGET"),
    }
)
_NAMES = re.compile(r"torch \w+Storage|torch\._utils _rebuild_(tensor_v2|parameter)|collections OrderedDict")
_KEYS = frozenset({"BINUNICODE", "BININT", "BININT1", "BININT2"})


class OddPickleError(ValueError):
    """A pickle that is not whole, or holds what a file of tensors and numbers does not need."""


@dataclass(frozen=True)
class _Value:
    """What is known of a value on the stack: the step that made it, its depth, and its parts with repetitions."""

    step: str
    depth: int = 1
    parts: int = 1


def check_pickle(content: bytes) -> None:
    """Follow the steps of a pickle without building what they make.

    Raises:
        OddPickleError: it is not whole, too long, too deep, repeats its parts too often, names or does what torch.save
            does not for tensors, or a table has a key that is neither a text nor a small number.
    """
    if len(content) > LONGEST:
        raise OddPickleError(f"a pickle of {len(content)} bytes, expected at most {LONGEST}")
    stack: list[_Value] = []
    memo: dict[int, _Value] = {}
    try:
        for step, argument, _ in pickletools.genops(content):
            _follow(step, argument, stack, memo)
    except (IndexError, KeyError, ValueError, UnicodeDecodeError) as error:
        raise OddPickleError(str(error) or "a pickle that is not whole") from error


def _follow(step: pickletools.OpcodeInfo, argument: Any, stack: list[_Value], memo: dict[int, _Value]) -> None:
    name = step.name
    if name not in _PLAIN:
        raise OddPickleError(f"a pickle with the step {name}, which torch.save does not write")
    if name == "GLOBAL" and not _NAMES.fullmatch(argument):
        raise OddPickleError(f"a pickle that names {argument!r:.80}")
    if name in ("BINPUT", "LONG_BINPUT"):
        memo[argument] = stack[-1]
    elif name in ("BINGET", "LONG_BINGET"):
        stack.append(memo[argument])
    elif name == "MARK":
        stack.append(_Value("MARK"))
    else:
        taken = _taken(step, stack)
        if name in ("SETITEM", "SETITEMS") and any(key.step not in _KEYS for key in taken[1::2]):
            raise OddPickleError("a table with a key that is neither a text nor a small number")
        if name in ("REDUCE", "BINPERSID") and taken[-1].parts > _MOST_ARGUMENTS:
            raise OddPickleError("a function with more arguments than a tensor needs")
        if not step.stack_after:
            return
        depth = 1 + max((value.depth for value in taken), default=0)
        if name in ("SETITEM", "SETITEMS", "APPEND", "APPENDS", "BUILD"):
            depth -= 1  # into a table or list that is there already
        parts = 1 + sum(value.parts for value in taken)
        if depth > _DEEPEST or parts > _MOST_PARTS:
            raise OddPickleError("a pickle whose parts lie in one another too deep or too often")
        stack.append(_Value(name, depth, parts))


def _taken(step: pickletools.OpcodeInfo, stack: list[_Value]) -> list[_Value]:
    """Take from the stack what a step works on, lowest first."""
    if pickletools.markobject not in step.stack_before:
        return [stack.pop() for _ in step.stack_before][::-1]
    taken = []
    while (value := stack.pop()).step != "MARK":
        taken.append(value)
    below = step.stack_before.index(pickletools.markobject)
    return [stack.pop() for _ in range(below)][::-1] + taken[::-1]
