"""An unpickler for pickles from strangers: arrays and plain containers, and nothing is ever run.

An ordinary unpickler calls whatever the file names. This one knows a short list of names, replaces each by a
function of its own that checks its arguments, and counts every byte and object it hands out.
"""

from __future__ import annotations

import pickle
import reprlib  # repr of tuples that hold one another takes for ever
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from kinesis_trl.motion.arrays import KEYS, PLAIN_DTYPE, array_from, check_keys, check_text, checked_size
from kinesis_trl.motion.clip import ClipFormatError
from kinesis_trl.motion.streams import BoundedReader

_NUMPY_CORE = tuple(f"numpy.{core}.{module}" for core in ("core", "_core") for module in ("multiarray", "numeric"))
_PythonUnpickler: Any = pickle._Unpickler  # type: ignore[attr-defined]
_RENAMED = {"__builtin__": "builtins", "copy_reg": "copyreg"}
"""Modules by their names in Python 2."""
_NAMED_ONLY = {("numpy", "ndarray"), *(("builtins", name) for name in ("object", "dict", "list"))}
"""Classes that stand as arguments of others; they are not called."""
_OBJECT = 512  # bytes charged for each step of a pickle, which makes an object or an entry in a table of them
TORCH_MAGIC = 0x1950A86A20F9469CFC6C
"""Number at the beginning of torch.save's older layout."""
_TORCH_STORAGES = {
    **{"DoubleStorage": "<f8", "FloatStorage": "<f4", "HalfStorage": "<f2", "BoolStorage": "?"},
    **{"LongStorage": "<i8", "IntStorage": "<i4", "ShortStorage": "<i2", "CharStorage": "i1", "ByteStorage": "u1"},
}


@dataclass
class Record:
    """Stand-in for an instance of a class that is not loaded: its name and the state the file gave it."""

    kind: str
    """Module and class the file names."""
    state: dict[str, Any] = field(default_factory=dict)
    """Attributes of the instance."""


class _JoblibArray:
    """Stand-in for joblib's array wrapper: its state says what raw bytes follow in the stream."""


class RestrictedUnpickler(_PythonUnpickler):  # type: ignore[misc]
    """Unpickler whose globals are checked functions; the Python version, to rule on each opcode."""

    stack: list[Any]
    read: Callable[[int], bytes]
    readline: Callable[[], bytes]
    memo: dict[int, Any]
    dispatch: ClassVar[dict[int, Any]] = dict(_PythonUnpickler.dispatch)

    def __init__(self, reader: BoundedReader, records: frozenset[tuple[str, str]], *, encoding: str = "ASCII") -> None:
        super().__init__(reader, encoding=encoding)
        self.reader = reader
        self.records = records
        self._unset: dict[int, Any] = {}  # arrays, dtypes and records still waiting for their state
        self._callables: set[Any] = set()
        self._text = encoding

    def find_class(self, module: str, name: str) -> Any:
        """Our own function for a known name; anything else is refused."""
        if module == "torch" and name in _TORCH_STORAGES:
            return np.dtype(_TORCH_STORAGES[name])
        module = _RENAMED.get(module, module)
        if (module, name) in _NAMED_ONLY:
            return f"{module}.{name}"  # named only as an argument of the functions below
        found: Any = self._known(module, name)
        if found is None:
            raise ClipFormatError(
                f"names {module}.{name}, which motion data does not need; nothing was run. "
                "Only arrays, tensors and plain containers are read: save the file again with those."
            )
        self._callables.add(found)
        return found

    def _known(self, module: str, name: str) -> Callable[..., Any] | None:
        if module in _NUMPY_CORE:
            return {"_reconstruct": self._shell, "scalar": self._scalar, "_frombuffer": self._frombuffer}.get(name)
        if (module, name) in self.records:
            return _RecordFactory(f"{module}.{name}", self)
        functions: dict[tuple[str, str], Callable[..., Any]] = {
            ("numpy", "dtype"): self._dtype,
            ("_codecs", "encode"): self._encode,
            ("collections", "OrderedDict"): self._ordered,
            ("collections", "defaultdict"): lambda *_: self._ordered(),
            ("builtins", "set"): self._set,
            ("builtins", "complex"): complex,
            ("builtins", "bytes"): self._no_bytes,
            ("joblib.numpy_pickle", "NumpyArrayWrapper"): _JoblibArray,
            ("copyreg", "_reconstructor"): self._reconstructor,
            ("torch.storage", "_load_from_bytes"): self._torch_storage,
            ("torch._utils", "_rebuild_tensor_v2"): self._tensor,
        }
        return functions.get((module, name))

    def load_reduce(self) -> None:
        """Call the function on the stack, if it is one that `find_class` gave out."""
        arguments = self.stack.pop()
        function = self.stack.pop()
        if not callable(function) or function not in self._callables or not isinstance(arguments, tuple):
            what = function if isinstance(function, str) else type(function).__name__
            raise ClipFormatError(f"calls {what}, which motion data does not need; nothing was run.")
        self.stack.append(function(*arguments))

    dispatch[pickle.REDUCE[0]] = load_reduce

    def load_newobj(self) -> None:
        """Make an empty stand-in for joblib's wrapper or a record; other classes have no business here."""
        arguments = self.stack.pop()
        kind = self.stack.pop()
        if arguments == () and kind is _JoblibArray:
            self._wait(_JoblibArray())
        elif arguments == () and isinstance(kind, _RecordFactory):
            self.stack.append(kind())
        else:
            raise ClipFormatError(f"makes an object of {type(kind).__name__}, which is refused; nothing was run.")

    dispatch[pickle.NEWOBJ[0]] = load_newobj

    def load_build(self) -> None:
        """Give an array, a dtype or a record its state, once; nothing else takes one."""
        state = self.stack.pop()
        instance = self.stack[-1]
        if self._unset.pop(id(instance), None) is None:
            raise ClipFormatError(f"sets attributes of a {type(instance).__name__}, which is refused.")
        if isinstance(instance, np.dtype):
            # Only the byte order is believed: a forged state could pass object pointers off as numbers.
            if state[1] not in ("<", ">", "=", "|") or any(part is not None for part in state[2:5]):
                raise ClipFormatError(f"an element type has the unexpected state {reprlib.repr(state):.80}.")
            genuine = instance.newbyteorder(state[1]).__reduce__()[2]
            instance.__setstate__(genuine)  # type: ignore[attr-defined]
        elif isinstance(instance, np.ndarray):
            self._fill(instance, state)
        elif isinstance(instance, _JoblibArray):
            self.stack[-1] = self._joblib_array(state)
        elif isinstance(state, dict):
            instance.state.update(state)
        else:
            raise ClipFormatError(f"{instance.kind} has a state of {type(state).__name__}, expected names.")

    dispatch[pickle.BUILD[0]] = load_build

    def load_bytearray8(self) -> None:
        """Bytes of an array as protocol 5 has them; the original allocates what the file claims, this what it
        has."""
        self.stack.append(bytearray(self.read(int.from_bytes(self.read(8), "little"))))

    dispatch[pickle.BYTEARRAY8[0]] = load_bytearray8

    def load_put(self) -> None:
        """Remember an object; numbers that a file may write at any length would make a table of equal hashes."""
        place = self.readline()
        if len(place) > 11:
            raise ClipFormatError(f"remembers an object by the number {place[:20]!r}…; expected at most 10 digits.")
        self.memo[int(place)] = self.stack[-1]

    dispatch[pickle.PUT[0]] = load_put

    def _wait(self, instance: Any) -> None:
        self._unset[id(instance)] = instance
        self.stack.append(instance)

    def _shell(self, *_: Any) -> NDArray[Any]:
        shell = np.empty(0, np.uint8)
        self._unset[id(shell)] = shell
        return shell

    def _fill(self, array: NDArray[Any], state: Any) -> None:
        *_, shape, dtype, fortran, data = state
        if not isinstance(dtype, np.dtype):
            raise ClipFormatError("an array has no element type.")
        shape, size = checked_size(shape, dtype)
        if dtype.hasobject:
            if not isinstance(data, list) or len(data) * dtype.itemsize != size:
                raise ClipFormatError(f"an object array of shape {shape} has the wrong number of elements.")
            self.reader.charge(size)
        else:
            data = self._content(data, dtype, size)
        array.__setstate__((1, shape, dtype, bool(fortran), data))  # type: ignore[arg-type]

    def _content(self, data: Any, dtype: np.dtype[Any], size: int) -> bytes:
        """The `size` bytes of numbers or text of a plain `dtype`; charged."""
        data = self._encode(data, "latin1") if isinstance(data, str) else data
        if not isinstance(data, bytes) or len(data) != size:
            raise ClipFormatError(f"an array or number of type {dtype} does not have its {size} bytes of data.")
        self.reader.charge(size)
        check_text(data, dtype)
        return data

    def _dtype(self, name: Any, *_: Any) -> np.dtype[Any]:
        name = name.decode("ascii") if isinstance(name, bytes) else name
        if not isinstance(name, str) or not PLAIN_DTYPE.fullmatch(name):
            raise ClipFormatError(
                f"an array has the element type {reprlib.repr(name):.40}; only numbers and text are read."
            )
        dtype = np.dtype(name, copy=True)
        self._unset[id(dtype)] = dtype
        return dtype

    def _scalar(self, dtype: Any, data: Any = b"") -> Any:
        if not isinstance(dtype, np.dtype) or dtype.hasobject:
            raise ClipFormatError("a NumPy number has no plain element type.")
        data = self._content(data, dtype, dtype.itemsize)
        return np.frombuffer(data, dtype)[0] if dtype.itemsize else dtype.type()

    def _frombuffer(self, data: Any, dtype: Any, shape: Any, order: Any, *_: Any) -> NDArray[Any]:
        if not isinstance(dtype, np.dtype) or not isinstance(data, (bytes, bytearray)):
            raise ClipFormatError("an array is not made of bytes.")
        self.reader.charge(len(data))
        return array_from(BoundedReader(iter((bytes(data),)), len(data)), shape, dtype, order)

    def _ordered(self, pairs: Any = ()) -> OrderedDict[Any, Any]:
        self.reader.charge(_OBJECT * len(pairs))
        check_keys(pairs if isinstance(pairs, dict) else (key for key, _ in pairs))
        return OrderedDict(pairs)

    def _set(self, items: Any = ()) -> set[Any]:
        self.reader.charge(_OBJECT * len(items))
        check_keys(items)
        return set(items)

    def _no_bytes(self) -> bytes:
        return b""

    def _encode(self, text: Any, encoding: Any) -> bytes:
        if not isinstance(text, str) or encoding not in ("latin1", "latin-1"):
            raise ClipFormatError(f"encodes text as {reprlib.repr(encoding):.40}; only latin1 is expected.")
        self.reader.charge(len(text))
        return text.encode("latin1")

    def _reconstructor(self, factory: Any, base: Any, state: Any) -> Any:
        if not isinstance(factory, _RecordFactory) or state is not None:
            raise ClipFormatError("makes an object of an unknown class; nothing was run.")
        return factory()

    def _joblib_array(self, state: Any) -> NDArray[Any]:
        dtype = state["dtype"]
        if not isinstance(dtype, np.dtype):
            raise ClipFormatError("a joblib array has no element type.")
        if dtype.hasobject:
            array = RestrictedUnpickler(self.reader, self.records, encoding=self._text).load()
            if not isinstance(array, np.ndarray):
                raise ClipFormatError(f"a joblib object array holds {type(array).__name__}.")
            return array
        if state.get("numpy_array_alignment_bytes") is not None:
            self.reader.exactly(self.reader.exactly(1)[0])  # padding before the data, its length first
        return array_from(self.reader, state["shape"], dtype, state["order"])

    def _torch_storage(self, data: Any) -> NDArray[Any]:
        if not isinstance(data, bytes):
            raise ClipFormatError("a torch storage is not made of bytes.")
        nested = BoundedReader(iter((data,)), self.reader.left)
        storage = _torch_storage(nested)
        self.reader.charge(self.reader.left - nested.left)
        return storage

    def _tensor(self, storage: Any, offset: Any, shape: Any, stride: Any, *_: Any) -> NDArray[Any]:
        if not isinstance(storage, np.ndarray) or storage.ndim != 1:
            raise ClipFormatError("a torch tensor has no storage.")
        shape, size = checked_size(shape, storage.dtype)
        stride, offset = tuple(int(s) for s in stride), int(offset)
        last = offset + sum((n - 1) * s for n, s in zip(shape, stride, strict=True))
        if size and (offset < 0 or min(stride, default=0) < 0 or last >= len(storage)):
            raise ClipFormatError(f"a torch tensor of shape {shape} reaches outside its storage.")
        self.reader.charge(size)
        step = storage.itemsize
        return np.lib.stride_tricks.as_strided(
            storage[offset:] if size else storage[:0], shape, tuple(s * step for s in stride)
        ).copy()


def _bounded(opcode: int, step: Callable[[RestrictedUnpickler], None]) -> Callable[[RestrictedUnpickler], None]:
    """The step of a pickle, charged for the object it makes (millions of empty lists pack into kilobytes) and with
    its keys checked."""
    keys = KEYS.get(opcode)

    def bounded(unpickler: RestrictedUnpickler) -> None:
        unpickler.reader.left -= _OBJECT
        if unpickler.reader.left < 0:
            unpickler.reader.charge(_OBJECT)  # says what is wrong
        if keys is not None:
            check_keys(keys(unpickler.stack))
        step(unpickler)

    return bounded


_REFUSED = {pickle.INST, pickle.OBJ, pickle.NEWOBJ_EX, pickle.EXT1, pickle.EXT2, pickle.EXT4}
RestrictedUnpickler.dispatch = {
    opcode: step if opcode == pickle.STOP[0] else _bounded(opcode, step)
    for opcode, step in RestrictedUnpickler.dispatch.items()
    if bytes([opcode]) not in _REFUSED
}


class _RecordFactory:
    """What `find_class` gives for the name of a record class: makes empty records of it."""

    def __init__(self, kind: str, unpickler: RestrictedUnpickler) -> None:
        self.kind = kind
        self.unpickler = unpickler

    def __call__(self, *_: Any) -> Record:
        record = Record(self.kind)
        self.unpickler._unset[id(record)] = record
        return record


class _TorchUnpickler(RestrictedUnpickler):
    """Reads the storage inside torch's older file layout: a persistent id names type, key and length."""

    def persistent_load(self, identity: Any) -> tuple[str, np.dtype[Any], int]:
        kind, dtype, key, _, count, *view = identity
        known = kind == "storage" and isinstance(dtype, np.dtype) and isinstance(key, (str, int))
        if not known or any(part is not None for part in view):
            raise ClipFormatError("a torch storage is described in an unknown way; save the tensor as an array.")
        return str(key), dtype, int(count)


def _torch_storage(reader: BoundedReader) -> NDArray[Any]:
    """Elements of the one storage in bytes written by torch.save's older layout."""

    def part() -> Any:
        return _TorchUnpickler(reader, frozenset()).load()

    magic, _protocol, system = part(), part(), part()
    if magic != TORCH_MAGIC or not system.get("little_endian"):
        raise ClipFormatError("a torch storage has an unknown layout; save the tensor as an array.")
    (key, dtype, count), keys = part(), part()
    if keys != [key]:
        raise ClipFormatError(f"a torch storage has {len(keys)} parts, expected one.")
    stated = int.from_bytes(reader.exactly(8), "little")
    if stated != count:
        raise ClipFormatError(f"a torch storage has {stated} elements where {count} were announced.")
    return array_from(reader, (count,), dtype, "C")
