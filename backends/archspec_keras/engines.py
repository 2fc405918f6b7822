"""What each engine of Keras has of its own: derivatives, and steps of training."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeAlias

import keras

from archspec_keras.marking import Mark

Tensors: TypeAlias = Mapping[str, Any]


class Loss(Protocol):
    """The loss of a batch for each input; the tensors of the model's nodes go through `mark`."""

    def __call__(self, inputs: Tensors, mark: Mark | None = None) -> Any:
        """A scalar tensor."""
        ...


WholeLoss: TypeAlias = Callable[[Tensors, Tensors], Any]
"""The loss of a batch for each input and a target for each output."""
Step: TypeAlias = Callable[[Tensors, Tensors], Any]
"""One step of training on such a batch; it gives the loss before."""


@dataclass(frozen=True, slots=True)
class Derivatives:
    """A loss, and its derivatives with respect to inputs and nodes by path, and to the trainable variables in turn."""

    loss: Any
    inputs: Tensors
    weights: list[Any]
    nodes: Tensors


def _has_slope(tensor: Any) -> bool:
    """Whether there are derivatives with respect to a tensor: not of ids."""
    return bool(keras.backend.is_float_dtype(keras.backend.standardize_dtype(tensor.dtype)))


def _with_slopes(tensors: Tensors) -> dict[str, Any]:
    return {path: tensor for path, tensor in tensors.items() if _has_slope(tensor)}


def _tensorflow(model: Any, loss: Loss, inputs: Tensors, nodes: bool) -> Derivatives:
    import tensorflow as tf

    marked: dict[str, Any] = {}

    def mark(path: str, tensor: Any) -> Any:
        if not _has_slope(tensor):
            return tensor
        marked[path] = tf.identity(tensor)  # a node that changes nothing would share its tensor with the one before
        return marked[path]

    given = _with_slopes(inputs)
    with tf.GradientTape() as tape:
        tape.watch(given)
        value = loss(inputs, mark if nodes else None)
    variables = _values(model.trainable_variables)
    zero = tf.UnconnectedGradients.ZERO
    slopes = tape.gradient(value, (given, variables, marked), unconnected_gradients=zero)
    # That of an embedding has the rows alone that were looked up.
    return Derivatives(value, slopes[0], [tf.convert_to_tensor(slope) for slope in slopes[1]], slopes[2])


def _torch(model: Any, loss: Loss, inputs: Tensors, nodes: bool) -> Derivatives:
    import torch

    marked: dict[str, Any] = {}

    def mark(path: str, tensor: Any) -> Any:
        if not _has_slope(tensor):
            return tensor
        marked[path] = tensor.view_as(tensor)  # a node that changes nothing would share its tensor
        return marked[path]

    given = {path: tensor.requires_grad_() for path, tensor in _with_slopes(inputs).items()}
    value = loss(inputs, mark if nodes else None)
    variables = _values(model.trainable_variables)
    sources = [*given.values(), *variables, *marked.values()]
    found = iter(torch.autograd.grad(value, sources, allow_unused=True, materialize_grads=True))
    return Derivatives(
        value,
        {path: next(found) for path in given},
        [next(found) for _ in variables],
        {path: next(found) for path in marked},
    )


def _jax(model: Any, loss: Loss, inputs: Tensors, nodes: bool) -> Derivatives:
    import jax

    def shapes(trained: list[Any], state: list[Any]) -> Tensors:
        marked: dict[str, Any] = {}
        _computed(model, trained, state, lambda: loss(inputs, marked.setdefault))
        return _with_slopes(marked)

    def value(given: Tensors, trained: list[Any], added: Tensors, state: list[Any]) -> Any:
        # The derivative with respect to what is added to a tensor is that with respect to the tensor.
        mark: Mark | None = (lambda path, tensor: tensor + added.get(path, 0)) if nodes else None
        return _computed(model, trained, state, lambda: loss({**inputs, **given}, mark))

    trained, state = _values(model.trainable_variables), _values(model.non_trainable_variables)
    found = jax.eval_shape(shapes, trained, state) if nodes else {}
    added = {path: jax.numpy.zeros(tensor.shape, tensor.dtype) for path, tensor in found.items()}
    derive = jax.jit(jax.value_and_grad(value, argnums=(0, 1, 2), has_aux=True))
    (result, state), slopes = derive(_with_slopes(inputs), trained, added, state)
    _assign(model.non_trainable_variables, state)
    return Derivatives(result, *slopes)


def _computed(model: Any, trained: list[Any], state: list[Any], compute: Callable[[], Any]) -> tuple[Any, list[Any]]:
    """What is computed with these values of a model's variables, and the values of those not trained afterwards."""
    variables = (*model.trainable_variables, *model.non_trainable_variables)
    with keras.StatelessScope(state_mapping=zip(variables, (*trained, *state), strict=True)) as scope:
        return compute(), [scope.get_current_value(variable) for variable in model.non_trainable_variables]


def _values(variables: list[Any]) -> list[Any]:
    return [variable.value for variable in variables]


def _assign(variables: list[Any], values: list[Any]) -> None:
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


def _tensorflow_step(model: Any, optimizer: Any, loss: WholeLoss) -> Step:
    import tensorflow as tf

    # Not a `tf.function`: a run has few steps, and to trace a deep network takes longer than they do.
    def step(inputs: Tensors, targets: Tensors) -> Any:
        with tf.GradientTape() as tape:
            value = loss(inputs, targets)
        variables = _values(model.trainable_variables)
        found = tape.gradient(value, variables, unconnected_gradients=tf.UnconnectedGradients.ZERO)
        optimizer.apply(found, model.trainable_variables)
        return value

    return step


def _torch_step(model: Any, optimizer: Any, loss: WholeLoss) -> Step:
    import torch

    def step(inputs: Tensors, targets: Tensors) -> Any:
        value = loss(inputs, targets)
        variables = _values(model.trainable_variables)
        if not variables:  # PyTorch asks for one at least
            return value.detach()
        found = torch.autograd.grad(value, variables, allow_unused=True, materialize_grads=True)
        with torch.no_grad():
            optimizer.apply(list(found), model.trainable_variables)
        return value.detach()

    return step


def _jax_step(model: Any, optimizer: Any, loss: WholeLoss) -> Step:
    import jax

    owners = (model.trainable_variables, model.non_trainable_variables, optimizer.variables)

    @jax.jit
    def compiled(trained: list[Any], state: list[Any], kept: list[Any], inputs: Tensors, targets: Tensors) -> Any:
        def value(trained: list[Any]) -> Any:
            return _computed(model, trained, state, lambda: loss(inputs, targets))

        (result, after), slopes = jax.value_and_grad(value, has_aux=True)(trained)
        trained, kept = optimizer.stateless_apply(kept, slopes, trained)
        return result, (trained, after, kept)

    def step(inputs: Tensors, targets: Tensors) -> Any:
        result, after = compiled(*map(_values, owners), inputs, targets)
        for variables, values in zip(owners, after, strict=True):
            _assign(variables, values)
        return result

    return step


DERIVATIVES: Final[Mapping[str, Callable[[Any, Loss, Tensors, bool], Derivatives]]] = {
    "tensorflow": _tensorflow,
    "torch": _torch,
    "jax": _jax,
}
"""By engine: a model, its loss, its inputs, and whether nodes are asked for; running statistics are updated."""

STEPS: Final[Mapping[str, Callable[[Any, Any, WholeLoss], Step]]] = {
    "tensorflow": _tensorflow_step,
    "torch": _torch_step,
    "jax": _jax_step,
}
"""By engine: a model, an optimizer that has been built for it, and the loss, to what trains it."""
