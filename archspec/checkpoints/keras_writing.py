"""Writing a `.weights.h5` of Keras without Keras: the model need not be built, which takes longer than all else.

Source: keras/src/saving/saving_lib.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from archspec.atomic_files import check_room, whole_file
from archspec.digests import digest_follows
from archspec.errors import BackendError, Diagnostic
from archspec.ir.graph import LayerGraph
from archspec.weights.layouts import view_of_part
from archspec.weights.portions import portions
from archspec.weights.stored_weights import StoresWeights

if TYPE_CHECKING:
    from archspec.weights.tensors import Array, Arrays

_OVERHEAD: Final = 8192
"""Bytes that HDF5 takes for a variable and the groups that it stands in, at most, beside its numbers."""


def write_weights(path: Path, arrays: Arrays, graph: LayerGraph, stores: StoresWeights) -> bool:
    """Write a network's weights as Keras's `save_weights` does, whole or not at all.

    Args:
        path: of the file.
        arrays: by canonical name, in PyTorch's layout; their types are the file's.
        graph: the network.
        stores: Keras's backend.

    Returns:
        Whether it was done: where layers are called again, only Keras itself knows the order of its layers.

    Raises:
        BackendError: h5py is not installed.
        OutputError: the file cannot be written.
    """
    groups = stores.layer_groups(graph)
    if groups is None:
        return False
    try:
        import h5py
    except ImportError:
        help = "install it with `pip install h5py`"
        raise BackendError(
            Diagnostic("E0602", "h5py, which writes Keras's files, is not installed", help=help)
        ) from None
    with whole_file(path) as temporary:
        # HDF5 would end the process with a fault once a file that it could not write is closed.
        check_room(temporary.parent, sum(array.nbytes + _OVERHEAD for array in arrays.values()))
        with h5py.File(temporary, "w") as file:
            _variables_of(file, graph.name)
            parts = list(_make_layers(file.create_group("layers"), arrays, graph, stores, groups))
        with digest_follows(temporary, ".h5") as written_to, temporary.open("r+b") as plain:
            for place, part in sorted(parts, key=lambda each: each[0]):
                plain.flush()
                written_to(place)
                plain.seek(place)
                for data in portions(part):
                    plain.write(data.data)
    return True


def _make_layers(
    file: Any, arrays: Arrays, graph: LayerGraph, stores: StoresWeights, groups: Mapping[str, str]
) -> Iterator[tuple[int, Array]]:
    """Make the groups and variables of all layers; where in the file the numbers of each belong."""
    opened: dict[tuple[str, str], Any] = {}
    layers: dict[str, Any] = {}
    for name, weight in stores.stored_weights(graph).items():
        if weight.layer not in layers:
            layers[weight.layer] = file.create_group(groups[weight.layer])
            opened[weight.layer, ""] = _variables_of(layers[weight.layer], stores.layer_name(weight.layer, graph))
        for index, variable in enumerate(weight.variables):
            place = weight.layer, variable.group
            if place not in opened:
                opened[place] = _variables_of(layers[weight.layer].create_group(variable.group), variable.owner)
            part = view_of_part(arrays[name], index, len(weight.variables), weight.shape, weight.layouts[0])
            start = _made(opened[place], str(variable.position), part)
            if part.size:
                yield start, part


def _made(group: Any, name: str, part: Array) -> int:
    """Make a variable, whose numbers are written afterwards, not through HDF5's buffers; where they belong."""
    from h5py import h5d, h5p, h5s, h5t

    properties = h5p.create(h5p.DATASET_CREATE)
    properties.set_layout(h5d.CONTIGUOUS)
    properties.set_alloc_time(h5d.ALLOC_TIME_EARLY)
    properties.set_fill_time(h5d.FILL_TIME_NEVER)
    properties.set_obj_track_times(False)
    space = h5s.create_simple(part.shape) if part.ndim else h5s.create(h5s.SCALAR)
    kind = h5t.py_create(part.dtype.newbyteorder("<"), logical=True)
    return int(h5d.create(group.id, name.encode(), kind, space, properties).get_offset() or 0)


def _variables_of(group: Any, name: str) -> Any:
    """The group of a layer's variables, which has the layer's name."""
    import numpy as np
    from h5py import h5a, h5s, h5t, string_dtype

    found = group.create_group("vars")
    # As `found.attrs["name"] = name`, which first makes the attribute under a name that it draws.
    kind = h5t.py_create(string_dtype(), logical=True)
    h5a.create(found.id, b"name", kind, h5s.create(h5s.SCALAR)).write(np.array(name, string_dtype()))
    return found
