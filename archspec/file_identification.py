"""Files of other programs, recognized by what they are, and what can be done with each.

Only a file's first bytes, the names in an archive, and the outline of its text are looked at: nothing in it is run.
"""

from __future__ import annotations

import re
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

from archspec.archives import ArchiveError, open_archive
from archspec.atomic_files import open_regular
from archspec.wire_format import BYTES, CutMessageError, WireError, fields

TABLE_END: Final = b"\x57\xfb\x80\x8b\x24\x75\x47\xdb"
"""The number with which a table of LevelDB ends."""
_HEAD: Final = 2**16
_DIRECTORY: Final = 2**20
_SEEN_AT_MOST: Final = 1000
_SHOWN_AT_MOST: Final = 5
_WEIGHTS: Final = (".safetensors", ".pt", ".pth", ".bin", ".ckpt", ".h5", ".keras", ".npz", ".onnx")
_TENSORFLOW: Final = (
    "load it with TensorFlow, and write its variables under the network's names in PyTorch's layout with "
    "`safetensors.numpy.save_file({name: array}, 'w.safetensors')`"
)
_AS_INDEX: Final = "give the file `.index` that stands beside it"
_TORCH: Final = "in Python, with the code that made it: `torch.save(model.state_dict(), 'weights.pth')`"
_LOADED: Final = "load it in Python with `torch.jit.load(FILE)`, then `torch.save(model.state_dict(), 'weights.pth')`"
_EXPORTED: Final = "in Python: `torch.save(torch.export.load(FILE).state_dict, 'weights.pth')`"
_UNPACK: Final = "unpack it, and give the weights file that is in it"
_AGAIN: Final = "download it again; a link to a page is not a link to the file"
_PULL: Final = "run `git lfs pull` in its repository"
_PYTHON_HELP: Final = "archspec reads YAML and no source; `archspec new` begins a spec"
_AS_WEIGHTS: Final = "give it as weights: `archspec build SPEC --weights FILE`"
_SPEC_AND_WEIGHTS: Final = (
    "name the spec first, and after `--weights` the file that the numbers lie in; "
    "leave `--weights` out for source alone"
)
_IMAGES: Final = "images come last: `archspec predict SPEC --weights FILE IMAGE...`"
_CARD: Final = "give the weights file that lies beside it, or the whole repository as hf://OWNER/NAME"
_OTHER: Final = "archspec reads weights of PyTorch, Keras, TensorFlow, ONNX, NumPy and safetensors"
_NO_MODEL: Final = (
    "archspec reads no model files of other programs; write the network as a spec, `archspec new` begins one"
)


_IMAGE_MAGIC: Final = (
    (b"\x89PNG\r\n", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"\0\0\0\x0cjP  ", "JPEG 2000"),
)
_OTHER_MAGIC: Final = (
    (b"%PDF-", "a PDF document"),
    (b"SQLite format 3\0", "a database of SQLite"),
    (b"ARROW1\0\0", "a table of Arrow"),
    (b"\x1aE\xdf\xa3", "a film (Matroska)"),
)


class Foreign(NamedTuple):
    """What a file is, as in "this is ...", and what to do for its weights."""

    what: str
    help: str
    reader: str = ""
    """What of archspec reads its weights: `keras`, `numpy`, `onnx`, `shards`, `tensorflow`; empty if nothing does."""

    @property
    def as_spec(self) -> str:
        """What to do where it was given as a spec."""
        if self.help in (_UNPACK, _AGAIN, _PULL, _PYTHON_HELP, _AS_WEIGHTS, _IMAGES, _NO_PROGRAM):
            return self.help
        return _NO_MODEL


_NO_PROGRAM: Final = "nothing in it is run, and none of it is read"
_MAGIC: Final = (
    *((magic, Foreign(f"an image ({name})", _IMAGES)) for magic, name in _IMAGE_MAGIC),
    *((magic, Foreign(what, _OTHER)) for magic, what in _OTHER_MAGIC),
    (b"\x7fELF", Foreign("a program or library of machine code", _NO_PROGRAM)),
    (b"\x89HDF\r\n\x1a\n", Foreign("an HDF5 file, such as Keras's `.h5` and `.weights.h5`", _AS_WEIGHTS, "keras")),
    (b"\x93NUMPY", Foreign("an array of NumPy (.npy)", "a network has several: save them by name with safetensors")),
    (b"\x1f\x8b", Foreign("a file compressed with gzip", _UNPACK)),
    (b"\xfd7zXZ\0", Foreign("a file compressed with xz", _UNPACK)),
    (b"\x28\xb5\x2f\xfd", Foreign("a file compressed with zstd", _UNPACK)),
    (b"7z\xbc\xaf\x27\x1c", Foreign("a 7z archive", _UNPACK)),
    (b"Rar!\x1a\x07", Foreign("a RAR archive", _UNPACK)),
    (
        b"version https://git-lfs.github.com/spec/",
        Foreign("a pointer of Git LFS and not the file itself", _PULL),
    ),
)
_PATTERNS: Final = (
    # Where what a file begins with could be a text, what stands behind it decides, too.
    (re.compile(rb"ID3[\x02-\x04][\x00-\xfe]"), Foreign("a sound (MP3)", _OTHER)),
    (re.compile(rb"BZh[1-9](?:1AY&SY|\x17rE8P\x90)"), Foreign("a file compressed with bzip2", _UNPACK)),
    (re.compile(rb"GGUF(?:[\x01-\x1f]\0|\0\0)"), Foreign("a GGUF file of llama.cpp", _OTHER)),
    (re.compile(rb"OggS\0"), Foreign("a sound or film (Ogg)", _OTHER)),
    (re.compile(rb"fLaC[\x00\x80]\0\0\x22"), Foreign("a sound (FLAC)", _OTHER)),
)
_PARQUET: Final = b"PAR1"
"""A table of Parquet begins and ends with it."""
_PROTOBUFS: Final = {
    "onnx": Foreign("an ONNX model", _AS_WEIGHTS, "onnx"),
    "saved_model": Foreign("TensorFlow's SavedModel", _TENSORFLOW),
    "graph_def": Foreign("a graph of TensorFlow (GraphDef)", _TENSORFLOW),
    "caffe": Foreign("a Caffe model", f"read it with Caffe's or OpenCV's Python; {_OTHER}"),
    "core_ml": Foreign("a Core ML model", f"weights come from what it was made of; {_OTHER}"),
}
_SUFFIXES: Final = {
    ".onnx": "onnx",
    ".pb": "graph_def",
    ".caffemodel": "caffe",
    ".mlmodel": "core_ml",
}
_FIRST_VERSIONS: Final = re.compile(rb"\x08[\x01-\x1f]")
"""An ONNX model begins with the version of its format, a small number."""
_CONTROL: Final = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
"""Characters that stand in no text."""
_MARKDOWN: Final = re.compile(r"(?:---[ \r]*\n(?:[^\n]*\n){1,200}?---[ \r]*\n\s*)?#{1,6} ")
"""A heading, behind the metadata of a card where there are some."""
_PYTHON: Final = re.compile(r"^\s*(from \w[\w.]* import |import \w|class \w+\(|def \w+\()", re.MULTILINE)


def identify(path: Path) -> Foreign | None:
    """What a file or folder is that another program wrote; None if it is not known.

    Raises:
        OSError: it cannot be read.
    """
    if path.is_dir():
        return _folder(path)
    with open_regular(path) as file:
        head = file.read(_HEAD) or b""  # a device that has nothing yet gives None
        return _by_bytes(file, head, path) or _by_text(head, path)


def identify_as_spec(path: Path) -> Foreign | None:
    """`identify`, for a file that was given as a spec: what archspec reads as weights is no spec either."""
    found = identify(path)
    if found is not None or path.is_dir():
        return found
    with open_regular(path) as file:
        head = file.read(9) or b""
    if head.startswith(b"PK\x03\x04"):
        return Foreign("a state dict of PyTorch", _AS_WEIGHTS)
    if head[8:] == b"{" and b"\0" in head:
        return Foreign("a safetensors file", _AS_WEIGHTS)
    return None


def identify_as_weights(path: Path) -> Foreign | None:
    """`identify`, for a file that was given as weights: a text and any folder are none.

    Raises:
        OSError: it cannot be read.
    """
    found = identify(path)
    if found is not None:
        return found
    if path.is_dir():
        files = sorted(file for file in islice(path.iterdir(), _SEEN_AT_MOST) if file.suffix in _WEIGHTS)
        shown = ", ".join(f"`{file}`" for file in files[:_SHOWN_AT_MOST])
        return Foreign("a folder", f"give a file in it: {shown}" if files else f"no weights file lies in it; {_OTHER}")
    with open_regular(path) as file:
        head = file.read(_HEAD) or b""
    if not head or not _is_text(head):
        return None
    if path.suffix in (".yaml", ".yml") or re.search(rb"^archspec:", head, re.MULTILINE):
        return Foreign("YAML, as a spec is, and no weights", _SPEC_AND_WEIGHTS)
    text = head.decode(errors="replace")
    if path.suffix.lower() in (".md", ".markdown", ".rst") or _MARKDOWN.match(text):
        return Foreign("Markdown, such as the card of a model, and no weights", _CARD)
    what = "JSON" if text.lstrip().startswith(("{", "[")) else "a text"
    return Foreign(f"{what}, and no weights", f"it begins with {text.strip()[:60]!r}; {_OTHER}")


def _folder(path: Path) -> Foreign | None:
    if (path / "saved_model.pb").is_file():
        return Foreign("a folder of TensorFlow's SavedModel", _TENSORFLOW)
    for name in ("model.safetensors", "pytorch_model.bin"):
        if (path / name).is_file():
            return Foreign("a folder of a model", f"give the weights file in it, `{path / name}`")
    if path.suffix == ".mlpackage":
        return _PROTOBUFS["core_ml"]
    return None


def _by_bytes(file: BinaryIO, head: bytes, path: Path) -> Foreign | None:
    for magic, kind in _MAGIC:
        if head.startswith(magic):
            return kind
    for pattern, kind in _PATTERNS:
        if pattern.match(head):
            return kind
    if head.startswith(_PARQUET) and _ends_with(file, _PARQUET):
        return Foreign("a table of Parquet", _OTHER)
    if head and _is_text(head):  # whose letters may stand by chance where those of other formats do
        return None
    if head[4:8] == b"TFL3":
        return Foreign("a TensorFlow Lite model", f"weights come from what it was made of; {_OTHER}")
    if (found := _media(head, file)) is not None:
        return found
    if head[257:262] == b"ustar":
        return Foreign("a tar archive", _UNPACK)
    if head.startswith(b"PK\x03\x04"):
        return _archive(file)
    if re.search(r"\.data-\d{5}-of-\d{5}$", path.name):
        return Foreign("the numbers of a TensorFlow checkpoint", _AS_INDEX)
    if _ends_with(file, TABLE_END):  # its index is a table of LevelDB
        return Foreign("a checkpoint of TensorFlow", _AS_WEIGHTS, "tensorflow")
    if re.match(rb"\x80[\x02-\x05]", head):
        return Foreign("a pickle, and not of a state dict", f"pickles are not run; {_TORCH}")
    if head and (found := _protobuf(file, head, path)) is not None:
        return found
    if path.suffix == ".weights" and not _is_text(head):
        return Foreign("a weights file of Darknet", f"convert it to a PyTorch state dict; {_OTHER}")
    if path.suffix == ".msgpack":
        return Foreign("weights of Flax (msgpack)", f"read them with Flax, and save them by name; {_OTHER}")
    return None


def _media(head: bytes, file: BinaryIO) -> Foreign | None:
    """Images, sounds and films whose kind stands behind a size."""
    kind = head[8:12]
    if head.startswith(b"RIFF") and kind == b"WEBP":
        return Foreign("an image (WebP)", _IMAGES)
    if head.startswith(b"RIFF") and kind in (b"WAVE", b"AVI "):
        return Foreign("a sound or film (RIFF)", _OTHER)
    if head[4:8] == b"ftyp":
        image = kind in (b"avif", b"heic", b"heix", b"mif1")
        return Foreign("an image (AVIF or HEIC)", _IMAGES) if image else Foreign("a film (MP4)", _OTHER)
    if head.startswith(b"BM") and int.from_bytes(head[2:6], "little") == file.seek(0, 2):
        return Foreign("an image (BMP)", _IMAGES)
    return None


def _ends_with(file: BinaryIO, magic: bytes) -> bool:
    file.seek(max(0, file.seek(0, 2) - len(magic)))
    return file.read(len(magic)) == magic


def _archive(file: BinaryIO) -> Foreign | None:
    """What a zip archive holds; None for what `torch.save` wrote, or where its directory cannot be read."""
    try:
        with open_archive(file, _DIRECTORY) as archive:
            names = set(archive.namelist())
    except ArchiveError:
        return None
    inner = {name.partition("/")[2] or name for name in names}
    if {"config.json", "metadata.json"} <= names and any(name.endswith(".weights.h5") for name in names):
        return Foreign("a Keras model (.keras)", _AS_WEIGHTS, "keras")
    if any(name.endswith("constants.pkl") for name in inner) and any(name.startswith("code/") for name in inner):
        return Foreign("a TorchScript archive", _LOADED)
    if "archive_format" in inner or any(
        name.endswith(("exported_program.json", "models/model.json")) for name in names
    ):
        return Foreign("a program of torch.export (.pt2)", _EXPORTED)
    if "data.pkl" in inner:
        return None
    if names and all(name.endswith(".npy") for name in names):
        return Foreign("arrays of NumPy (.npz)", _AS_WEIGHTS, "numpy")
    if any("com.apple.CoreML" in name for name in names):
        return _PROTOBUFS["core_ml"]
    return Foreign("a zip archive", _UNPACK)


def _protobuf(file: BinaryIO, head: bytes, path: Path) -> Foreign | None:
    """What a message of Protocol Buffers is, by the numbers of its outermost fields."""
    kinds: dict[int, int] = {}
    cut = False
    try:
        for field in islice(fields(file, 0, file.seek(0, 2)), _SEEN_AT_MOST):
            kinds[field.number] = field.wire
    except CutMessageError as error:  # of a model that is not whole: what reads it says so
        kinds[error.number], cut = BYTES, True
    except WireError:
        return None
    if kinds.get(1) == 0 and kinds.get(7) == BYTES and (not cut or _FIRST_VERSIONS.match(head)):
        return _PROTOBUFS["onnx"]
    if cut and path.suffix != ".onnx":
        return None
    if kinds.get(1) == 0 and kinds.get(2) == 2:
        return _PROTOBUFS["core_ml" if any(200 <= number < 3100 for number in kinds) else "saved_model"]
    if path.suffix in _SUFFIXES and kinds:
        return _PROTOBUFS[_SUFFIXES[path.suffix]]
    return None


def _is_text(head: bytes) -> bool:
    try:
        head[: head.rfind(b"\n") + 1 or len(head)].decode()
    except UnicodeDecodeError:
        return False
    return _CONTROL.search(head) is None


def _by_text(head: bytes, path: Path) -> Foreign | None:
    if not _is_text(head):
        return None
    text = head.decode(errors="replace").lstrip("\ufeff \t\r\n")
    if re.match(r"<(!doctype|html|head|\?xml)", text, re.IGNORECASE):
        return Foreign("a page of HTML or XML", _AGAIN)
    if re.search(r'^(model_checkpoint_path|all_model_checkpoint_paths): "', text, re.MULTILINE):
        return Foreign("the list of a TensorFlow checkpoint", _AS_INDEX)
    if re.search(r"^\s*layers? \{", text, re.MULTILINE):
        return Foreign("a network of Caffe (prototxt)", _NO_MODEL)
    if text.startswith("[") and re.search(r"^\[(net|network|convolutional)\]", text, re.MULTILINE):
        return Foreign("a configuration of Darknet (cfg)", _NO_MODEL)
    if text.startswith("{"):
        return _by_json(text)
    if path.suffix in (".yaml", ".yml") and (found := _by_keys(_yaml_keys(text))) is not None:
        return found
    if path.suffix == ".py" or (not text.startswith("archspec:") and _PYTHON.match(text)):
        return Foreign("Python source", _PYTHON_HELP)
    return None


def _by_json(text: str) -> Foreign | None:
    """A mapping in JSON by its outermost keys, which stand among the first 64 KiB."""
    keys = set(re.findall(r'"(\w+)"\s*:', text))
    return _by_keys(keys)


def _yaml_keys(text: str) -> set[str]:
    """The outermost keys of YAML, by its lines alone."""
    return set(re.findall(r"^(\w+):", text, re.MULTILINE))


def _by_keys(keys: set[str]) -> Foreign | None:
    """What a mapping is, in JSON or YAML, by its keys; None if it is not known."""
    if "weight_map" in keys:
        return Foreign("the index of weights that lie in several files", _AS_WEIGHTS, "shards")
    if {"modelTopology", "weightsManifest"} & keys:
        return Foreign("a model of TensorFlow.js", _NO_MODEL)
    if {"class_name", "config"} <= keys:
        return Foreign("a model of Keras, as its `to_json` or `to_yaml` writes it", _NO_MODEL)
    if {"backbone", "head"} <= keys and {"nc", "depth_multiple", "scales"} & keys:
        return Foreign("a model of Ultralytics (YOLO)", _NO_MODEL)
    if {"model_type", "architectures"} & keys and ({"hidden_size", "transformers_version", "num_labels"} & keys):
        return Foreign("a configuration of Hugging Face's transformers", _NO_MODEL)
    if "architecture" in keys and {"num_classes", "pretrained_cfg"} & keys:
        return Foreign("a configuration of timm", _NO_MODEL)
    if {"MODEL", "_BASE_"} & keys:
        return Foreign("a configuration of Detectron2", _NO_MODEL)
    return None
