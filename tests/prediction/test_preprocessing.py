"""Images are prepared as torchvision and keras.applications prepare them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import archspec
from archspec.errors import SpecError
from archspec.prediction import ImageError, Preprocessing
from archspec.spec import load_text

pytest.importorskip("PIL")

from benchmarks.preprocessing import CASES, FIXTURE, IMAGENET, digest, names, picture

HELD = json.loads(FIXTURE.read_text(encoding="utf-8"))
NET = """
archspec: 1
name: net
input: {{channels: {channels}, height: {height}, width: {width}}}
layers: [flatten, {{dense: {{name: fc, units: 3}}}}]
pretrained: {pretrained}
"""


def made(pretrained: dict[str, Any], height: int, width: int, channels: int = 3) -> Preprocessing:
    spec = load_text(NET.format(channels=channels, height=height, width=width, pretrained=json.dumps(pretrained)))
    return Preprocessing.of(spec.chosen_pretrained, archspec.compile(spec))


@pytest.mark.parametrize(("name", "case", "size"), [*names()])
def test_numbers_are_those_of_torchvision_to_the_last_bit(name: str, case: str, size: tuple[int, int]) -> None:
    crop = CASES[case]["crop"]
    sides = (crop, crop) if isinstance(crop, int) else crop
    prepared = made({**CASES[case], "mean": IMAGENET[0], "std": IMAGENET[1]}, *sides)
    assert digest(prepared.prepared(picture(*size))) == HELD[name]


KERAS: dict[str, dict[str, Any]] = {
    "torch": {"mean": IMAGENET[0], "std": IMAGENET[1]},
    "tf": {"mean": 0.5, "std": 0.5},
    "caffe": {"channels": "bgr", "range": 255, "mean": [103.939, 116.779, 123.68]},
}


def as_keras(mode: str, x: np.ndarray[Any, Any]) -> Any:
    """What `preprocess_input` does to arrays; keras/src/applications/imagenet_utils.py, `_preprocess_numpy_input`."""
    if mode == "tf":
        return x / 127.5 - 1.0
    if mode == "torch":
        return (x / 255.0 - np.array(IMAGENET[0])) / np.array(IMAGENET[1])
    return x[..., ::-1] - np.array([103.939, 116.779, 123.68])


@pytest.mark.parametrize("mode", KERAS)
def test_numbers_are_those_of_keras_applications(mode: str) -> None:
    image = picture(40, 30)
    found = made(KERAS[mode], 40, 30)([image], channels_last=True)[0]
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, as_keras(mode, np.asarray(image, np.float64)), rtol=0, atol=2e-5)


@pytest.mark.slow
@pytest.mark.parametrize("mode", KERAS)
def test_the_formulas_of_keras_are_what_keras_computes(mode: str) -> None:
    keras = pytest.importorskip("keras")
    pixels = np.asarray(picture(40, 30), np.float32)
    theirs = keras.applications.imagenet_utils.preprocess_input(pixels.copy(), data_format="channels_last", mode=mode)
    np.testing.assert_allclose(as_keras(mode, pixels.astype(np.float64)), theirs, rtol=0, atol=2e-5)


def test_a_gray_image_has_three_channels_where_the_network_takes_them_and_one_where_it_takes_one() -> None:
    gray = picture(8, 8).convert("L")
    assert made({}, 8, 8)([gray]).shape == (1, 3, 8, 8)
    assert np.array_equal(made({"range": 255}, 8, 8, channels=1)([gray])[0, 0], np.asarray(gray, np.float32))


def test_what_comes_of_an_image_fits_the_network_or_is_refused() -> None:
    with pytest.raises(ImageError, match="it is 8x9, and the network takes 8x8"):
        made({}, 8, 8)([picture(8, 9)])
    with pytest.raises(SpecError, match="prepared to 9x9, and net takes 8x8"):
        made({"size": 12, "crop": 9}, 8, 8)
    with pytest.raises(SpecError, match="`mean` of `pretrained` has 3 numbers, and net takes 1 channels"):
        made({"mean": [1, 2, 3]}, 8, 8, channels=1)


@pytest.mark.parametrize(
    ("pretrained", "written"),
    [
        ({"size": 12, "crop": 9}, "9"),
        ({"size": [12, 9]}, "[12, 9]"),
        ({"mean": [1, 2, 3, 4]}, "[1, 2, 3, 4]"),
        ({"std": [1, 2]}, "[1, 2]"),
    ],
)
def test_what_does_not_fit_the_network_has_a_place(pretrained: dict[str, Any], written: str) -> None:
    with pytest.raises(SpecError) as caught:
        made(pretrained, 8, 8)
    [found] = caught.value.diagnostics
    assert found.code == "E0704"
    assert found.span is not None
    line = str(caught.value).splitlines()[3]
    shown = str(caught.value).splitlines()[4]
    assert line[shown.index("^") : shown.rindex("^") + 1] == written


def test_an_error_names_the_image(tmp_path: Path) -> None:
    prepare = made({}, 8, 8)
    sound, wide = tmp_path / "sound.png", tmp_path / "wide.png"
    picture(8, 8).save(sound)
    picture(8, 9).save(wide)
    (tmp_path / "text.png").write_text("no image")
    for bad, said in (
        (wide, "it is 8x9, and the network takes 8x8"),
        (tmp_path / "text.png", "it is no image that Pillow reads"),
        (tmp_path / "none.png", "it cannot be read: No such file"),
        (tmp_path, "it cannot be read: it is a directory"),
        (f"{tmp_path}/a\0b", "it cannot be read: embedded null"),
    ):
        with pytest.raises(ImageError, match=f"^{re.escape(f'{bad}: {said}')}"):
            prepare([sound, bad])
    with pytest.raises(ImageError, match=r"^images\[1\]: it is 8x9"):
        prepare([picture(8, 8), picture(8, 9)])
    for what in (3, None, np.zeros((8, 8, 3), np.uint8)):
        with pytest.raises(ImageError, match=r"^images\[1\]: it is \w+, and neither a path nor an image of Pillow's"):
            prepare([sound, what])


def test_an_image_of_pillow_that_is_damaged_is_refused_as_its_file_is(tmp_path: Path) -> None:
    from PIL import Image

    picture(8, 8).save(tmp_path / "whole.png")
    data = (tmp_path / "whole.png").read_bytes()
    (tmp_path / "half.png").write_bytes(data[: len(data) // 2])
    for given in (tmp_path / "half.png", Image.open(tmp_path / "half.png")):
        with pytest.raises(ImageError, match=r"half\.png: the image: cannot be decoded"):
            made({}, 8, 8)([given])


def test_one_image_is_no_list_and_none_give_an_empty_batch() -> None:
    prepare = made({}, 8, 8)
    ones: list[Any] = ["a.png", Path("a.png"), picture(8, 8)]
    for one in ones:
        with pytest.raises(TypeError, match="images are given as a list"):
            prepare(one)
    assert prepare([]).shape == (0, 3, 8, 8)
    assert prepare([], channels_last=True).shape == (0, 8, 8, 3)
    assert prepare(iter([picture(8, 8)])).shape == (1, 3, 8, 8)


def test_a_variant_has_its_own_sizes_and_weights() -> None:
    text = """
archspec: 1
name: net
params: {size: 8}
variants: {small: {size: 8}, large: {size: 16}}
variant: small
input: {channels: 3, height: size, width: size}
layers: [flatten, {dense: {name: fc, units: 3}}]
pretrained:
  weights: https://localhost/small.pth
  sha256: "01234567"
  size: 8
  crop: 8
  variants: {large: {weights: https://localhost/large.pth, size: 20, crop: 16}}
"""
    small, large = load_text(text).chosen_pretrained, load_text(text, overrides={"variant": "large"}).chosen_pretrained
    assert small is not None
    assert large is not None
    assert (small.size, small.crop, small.sha256) == (8, 8, "01234567")
    assert (large.size, large.crop, large.sha256, large.weights) == (20, 16, None, "https://localhost/large.pth")


def test_other_weights_of_a_network_have_their_own_preparation() -> None:
    text = """
archspec: 1
name: net
params: {size: 8}
variants: {small: {size: 8}, large: {size: 16}}
variant: small
input: {channels: 3, height: size, width: size}
layers: [flatten, {dense: {name: fc, units: 3}}]
pretrained:
  weights: hf://one/small
  sha256: "01234567"
  size: 8
  crop: 8
  mean: 0.5
  others: {old: {weights: hf://one/old, size: 9, license: mit}}
  variants: {large: {weights: hf://one/large, size: 20, crop: 16, others: {new: {weights: hf://one/new, std: 2}}}}
"""
    small, large = load_text(text).chosen_pretrained, load_text(text, overrides={"variant": "large"}).chosen_pretrained
    assert small is not None
    assert large is not None
    old, new = small.of_weights("hf://one/old"), large.of_weights("hf://one/new")
    assert old is not None
    assert new is not None
    assert (old.weights, old.sha256, old.size, old.crop, old.mean, old.license) == (
        *("hf://one/old", None, 9, 8, (0.5,)),
        "mit",
    )
    assert (new.weights, new.size, new.crop, new.mean, new.std) == ("hf://one/new", 20, 16, (0.5,), (2.0,))
    assert large.of_weights("hf://one/large") is large
    for address in ("hf://one/old", "hf://two/old", "old"):  # of another variant, and of nobody
        assert large.of_weights(address) is None


OTHERS = """
archspec: 1
name: net
params: {size: 8}
variants: {small: {size: 8}, large: {size: 16}}
variant: small
input: {channels: 3, height: size, width: size}
layers: [flatten, {dense: {name: fc, units: 3}}]
pretrained:
  weights: hf://one/small
  size: 8
  crop: 8
  others: {old: {weights: hf://one/old, size: 9}, web: {weights: https://localhost/old.pth, size: 10}}
  variants: {large: {weights: hf://one/large, size: 20, crop: 16, others: {new: {weights: hf://one/new/new.pth}}}}
"""


@pytest.mark.parametrize(
    ("address", "size"),
    [
        ("hf://one/old", 9),
        ("hf://one/old/", 9),
        ("hf://one/old@main", 9),
        ("hf://one/old@refs/pr/1", 9),
        ("hf://one/old/model.safetensors", 9),
        ("hf://one/old@v1/pytorch_model.bin", 9),
        ("https://huggingface.co/one/old", 9),
        ("https://huggingface.co/one/old/resolve/main/model.safetensors?download=true", 9),
        ("https://localhost/old.pth#part", 10),
        ("hf://one/small/", 8),
    ],
)
def test_an_address_may_be_written_in_several_ways(tmp_path: Path, address: str, size: int) -> None:
    path = tmp_path / "net.yaml"
    path.write_text(OTHERS, encoding="utf-8")
    assert archspec.preprocessing(path, weights=address).pretrained.size == size


@pytest.mark.parametrize(
    ("address", "params", "said"),
    [
        ("hf://one/new/new.pth", {}, ("for its variant small", "those of its variant `large`: choose it")),
        ("hf://one/old", {"variant": "large"}, ("for its variant large", "")),
        ("hf://one/odl", {}, ("does not name the weights `hf://one/odl`", "did you mean `hf://one/old`?")),
        ("hf://one/old/other.bin", {}, ("does not name", "hf://one/")),
        ("mine.pth", {}, ("does not name", "prepared as for its usual ones, `hf://one/small`")),
    ],
)
def test_weights_that_the_spec_does_not_name(
    tmp_path: Path, address: str, params: dict[str, Any], said: tuple[str, str]
) -> None:
    path = tmp_path / "net.yaml"
    path.write_text(OTHERS, encoding="utf-8")
    with pytest.raises(archspec.SpecError) as caught:
        archspec.preprocessing(path, weights=address, **params)
    (found,) = caught.value.diagnostics
    assert found.code == "E0411"
    assert said[0] in found.message
    assert said[1] in found.help
