"""What a pickle holds, without running it: plain values, PyTorch's tensors, and the names of all else.

`pickletools` takes the pickle apart. No class is looked up and no function called, and the instructions are counted,
so that whatever the bytes say, a bounded time later there is a value or a `DamagedError`.
"""

from __future__ import annotations

import io
import pickletools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from archspec.weights.tensors import MOST_AXES, DamagedError

_MARK: Final = object()
_INSTRUCTIONS: Final = 100_000
"""In PyTorch's form a tensor takes some 30 instructions, and a training keeps up to three more for each weight."""
_PER_WEIGHT: Final = 200
_DTYPES: Final = "torch "
_STORAGES: Final = {
    "Double": "float64",
    "Float": "float32",
    "Half": "float16",
    "BFloat16": "bfloat16",
    "Long": "int64",
    "Int": "int32",
    "Short": "int16",
    "Char": "int8",
    "Byte": "uint8",
    "Bool": "bool",
    "ComplexFloat": "complex64",
    "ComplexDouble": "complex128",
    "QInt8": "qint8",
    "QUInt8": "quint8",
    "QInt32": "qint32",
}


@dataclass(slots=True)
class GlobalName:
    """A class or function that the pickle names; it is not looked up."""

    name: str


@dataclass(slots=True)
class PickledObject:
    """What the pickle would make by calling a class or function."""

    name: str
    state: Any = None


@dataclass(slots=True)
class Storage:
    """Where numbers lie: the key of a part of the file, and their type; None where the tensor says it."""

    key: str
    kind: str | None
    numbers: int
    """Of its own type; of bytes where it has none."""


@dataclass(slots=True)
class StoredTensor:
    """A view of a storage, as PyTorch describes tensors."""

    storage: Storage
    kind: str
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


@dataclass(slots=True)
class OddTensor:
    """A tensor that is no view of plain numbers, and what it is."""

    kind: str


@dataclass(slots=True)
class _Machine:
    stack: list[Any] = field(default_factory=list[Any])
    memo: dict[int, Any] = field(default_factory=dict[int, Any])

    def pop(self) -> Any:
        if not self.stack:
            raise DamagedError("a damaged pickle")
        value = self.stack.pop()
        if value is _MARK:
            raise DamagedError("a damaged pickle")
        return value

    def to_mark(self) -> list[Any]:
        for index in range(len(self.stack) - 1, -1, -1):
            if self.stack[index] is _MARK:
                found = self.stack[index + 1 :]
                del self.stack[index:]
                return found
        raise DamagedError("a damaged pickle")

    def top(self) -> Any:
        if not self.stack:
            raise DamagedError("a damaged pickle")
        return self.stack[-1]


def unpickle(stream: io.BytesIO, needed: int) -> Any:
    """The value of the pickle that begins here; the stream is left behind it.

    Args:
        stream: bytes.
        needed: how many weights the network has: a pickle of very many more instructions is not read.

    Raises:
        DamagedError: it is no whole pickle, or takes too many instructions.
    """
    machine = _Machine()
    most = _INSTRUCTIONS + _PER_WEIGHT * needed
    try:
        for count, (opcode, argument, _) in enumerate(pickletools.genops(stream)):
            if count >= most:
                raise DamagedError(f"a pickle of more than {most:,} instructions, far more than the weights need")
            if opcode.name == "STOP":
                return machine.pop()
            _step(machine, opcode.name, argument)
    except DamagedError:
        raise
    except Exception as error:  # damaged bytes make pickletools fail in any way at all
        raise DamagedError(f"a damaged pickle ({type(error).__name__})") from None
    raise DamagedError("a pickle that does not end")


def _step(machine: _Machine, name: str, argument: Any) -> None:
    stack = machine.stack
    if name in _CONSTANTS:
        stack.append(_CONSTANTS[name]())
    elif name in _LITERALS:
        stack.append(argument)
    elif name in _ACTIONS:
        _ACTIONS[name](machine)
    elif name == "MARK":
        stack.append(_MARK)
    elif name in ("PUT", "BINPUT", "LONG_BINPUT"):
        if argument >= 2**32:
            raise DamagedError("a damaged pickle")
        machine.memo[argument] = machine.top()
    elif name == "MEMOIZE":
        machine.memo[len(machine.memo)] = machine.top()
    elif name in ("GET", "BINGET", "LONG_BINGET"):
        stack.append(machine.memo[argument])
    elif name == "GLOBAL":
        stack.append(GlobalName(argument))
    elif name == "PERSID":
        stack.append(_storage(argument))
    elif name not in ("PROTO", "FRAME"):
        raise DamagedError(f"a pickle with the instruction {name}, which no weights need")


_CONSTANTS: Final[dict[str, Callable[[], Any]]] = {
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "EMPTY_TUPLE": tuple,
    "EMPTY_LIST": list,
    "EMPTY_DICT": dict,
    "EMPTY_SET": list,
}
_LITERALS: Final = frozenset(
    # Numbers, texts and bytes, which pickletools has read already.
    f"{size}{kind}"
    for kind in ("INT", "LONG", "FLOAT", "STRING", "UNICODE", "BYTES", "BYTEARRAY")
    for size in ("", "BIN", "SHORT_BIN")
) | {"BININT1", "BININT2", "LONG1", "LONG4", "BINUNICODE8", "BINBYTES8", "BYTEARRAY8"}


def _pairs(machine: _Machine, items: list[Any]) -> None:
    target = machine.top()
    if isinstance(target, dict):
        _put(target, items)


def _put(target: dict[Any, Any], items: list[Any]) -> None:
    """Only plain keys are kept: others may take for ever to be compared, and name no weight."""
    if len(items) % 2:
        raise DamagedError("a damaged pickle")
    for key, value in zip(items[::2], items[1::2], strict=True):
        if isinstance(key, str) or (isinstance(key, int) and abs(key) < 2**31):  # larger ones can be made to collide
            target[key] = value


def _append(machine: _Machine, items: list[Any]) -> None:
    target = machine.top()
    if isinstance(target, list):
        target += items


def _set_item(machine: _Machine) -> None:
    value, key = machine.pop(), machine.pop()
    _pairs(machine, [key, value])


def _append_one(machine: _Machine) -> None:
    _append(machine, [machine.pop()])


def _tuple(count: int) -> Callable[[_Machine], None]:
    def make(machine: _Machine) -> None:
        items = [machine.pop() for _ in range(count)]
        machine.stack.append(tuple(reversed(items)))

    return make


def _dict_of(machine: _Machine) -> None:
    found: dict[Any, Any] = {}
    _put(found, machine.to_mark())
    machine.stack.append(found)


def _stack_global(machine: _Machine) -> None:
    name, module = machine.pop(), machine.pop()
    if not isinstance(name, str) or not isinstance(module, str):
        raise DamagedError("a damaged pickle")
    machine.stack.append(GlobalName(f"{module} {name}"))


def _build(machine: _Machine) -> None:
    state = machine.pop()
    target = machine.top()
    if isinstance(target, PickledObject):
        target.state = state


def _reduce(machine: _Machine) -> None:
    arguments, function = machine.pop(), machine.pop()
    machine.stack.append(_called(function, arguments))


def _new_object_ex(machine: _Machine) -> None:
    _, arguments, function = machine.pop(), machine.pop(), machine.pop()
    machine.stack.append(_called(function, arguments))


_ACTIONS: Final[dict[str, Callable[[_Machine], object]]] = {
    "POP": lambda machine: machine.stack.pop(),
    "POP_MARK": _Machine.to_mark,
    "DUP": lambda machine: machine.stack.append(machine.top()),
    "TUPLE": lambda machine: machine.stack.append(tuple(machine.to_mark())),
    "TUPLE1": _tuple(1),
    "TUPLE2": _tuple(2),
    "TUPLE3": _tuple(3),
    "LIST": lambda machine: machine.stack.append(machine.to_mark()),
    "FROZENSET": lambda machine: machine.stack.append(machine.to_mark()),
    "DICT": _dict_of,
    "SETITEM": _set_item,
    "SETITEMS": lambda machine: _pairs(machine, machine.to_mark()),
    "APPEND": _append_one,
    "APPENDS": lambda machine: _append(machine, machine.to_mark()),
    "ADDITEMS": lambda machine: _append(machine, machine.to_mark()),
    "STACK_GLOBAL": _stack_global,
    "BUILD": _build,
    "REDUCE": _reduce,
    "NEWOBJ": _reduce,
    "NEWOBJ_EX": _new_object_ex,
    "BINPERSID": lambda machine: machine.stack.append(_storage(machine.pop())),
}


def _called(function: Any, arguments: Any) -> Any:
    """What a call would give; nothing is called."""
    if not isinstance(function, GlobalName) or not isinstance(arguments, tuple):
        return PickledObject("")
    name = function.name
    if name == "collections OrderedDict":
        found: dict[Any, Any] = {}
        if arguments and isinstance(arguments[0], list):
            pairs = list(arguments[0])
            arguments[0].clear()  # or the same long list could be gone through again and again
            for pair in pairs:
                if isinstance(pair, list | tuple) and len(pair) == 2:
                    _put(found, list(pair))
        return found
    module, _, called = name.partition(" ")
    if module in ("torch._utils", "torch._tensor") and called.startswith("_rebuild"):
        return _tensor(called, arguments)
    if name == "torch Size" and arguments:
        return arguments[0]
    return PickledObject(name.replace(" ", "."))


def _tensor(called: str, arguments: tuple[Any, ...]) -> Any:
    if called in ("_rebuild_parameter", "_rebuild_parameter_with_state") and arguments:
        return arguments[0]
    if called == "_rebuild_from_type_v2" and len(arguments) > 2:  # a tensor with attributes, or of a subclass
        kind = arguments[1].name if isinstance(arguments[1], GlobalName) else ""
        if kind in ("torch Tensor", "torch.nn.parameter Parameter", "torch.nn.parameter Buffer"):
            return _called(arguments[0], arguments[2])
        return OddTensor(f"a tensor of the class {kind.replace(' ', '.')[:80]}")
    if called in ("_rebuild_tensor", "_rebuild_tensor_v2", "_rebuild_tensor_v3") and len(arguments) >= 4:
        storage, offset, shape, strides = arguments[:4]
        if called == "_rebuild_tensor_v3" and isinstance(storage, Storage) and len(arguments) > 6:
            kind = arguments[6].name.removeprefix(_DTYPES) if isinstance(arguments[6], GlobalName) else "of no type"
        else:
            kind = storage.kind if isinstance(storage, Storage) and storage.kind else "of no type"
        if not isinstance(storage, Storage) or not _sizes(shape) or not _sizes(strides) or not _sizes((offset,)):
            raise DamagedError("a damaged tensor")
        if len(shape) != len(strides):
            raise DamagedError("a damaged tensor")
        return StoredTensor(storage, kind, offset, tuple(shape), tuple(strides))
    kinds = {
        "_rebuild_sparse": "sparse",
        "_rebuild_qtensor": "quantized by PyTorch",
        "_rebuild_meta": "on no device: it has no numbers",
    }
    found = next((kind for start, kind in kinds.items() if called.startswith(start)), None)
    return OddTensor(found or f"no plain tensor ({called.removeprefix('_rebuild_')[:80]})")


def _sizes(values: Any) -> bool:
    if not isinstance(values, tuple | list) or len(values) > MOST_AXES:
        return False
    return all(isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63 for value in values)


def _storage(identity: Any) -> Any:
    """What PyTorch keeps outside the pickle: ("storage", type, key, device, count, ...)."""
    if isinstance(identity, tuple) and len(identity) >= 5 and identity[0] == "storage":
        _, kind, key, _, numbers = identity[:5]
        if isinstance(kind, GlobalName) and isinstance(key, str) and _sizes((numbers,)):
            module, _, name = kind.name.partition(" ")
            if name == "UntypedStorage":
                return Storage(key, None, numbers)
            if module == "torch" and name.removesuffix("Storage") in _STORAGES:
                return Storage(key, _STORAGES[name.removesuffix("Storage")], numbers)
            return Storage(key, f"of the unknown type {name[:80]}", numbers)
    return PickledObject("")
