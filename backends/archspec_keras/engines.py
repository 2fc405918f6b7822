"""What each engine of Keras has of its own: derivatives, and steps of training."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeAlias

import keras

from archspec_keras.trace import Mark

Tensors: TypeAlias = Mapping[str, Any]


class Loss(Protocol):
    """The loss of a batch for each input; the tensors of the model's nodes go through `mark`."""

    def __call__(self, inputs: Tensors, mark: Mark | None = None) -> Any: ...


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


def _tensorflow(model: Any, loss: Loss, inputs: Tensors, nodes: bool) -> Derivatives:
    import tensorflow as tf

    marked: dict[str, Any] = {}

    def mark(path: str, tensor: Any) -> Any:
        marked[path] = tf.identity(tensor)  # a node that changes nothing would share its tensor with the one before
        return marked[path]

    with tf.GradientTape() as tape:
        tape.watch(inputs)
        value = loss(inputs, mark if nodes else None)
    variables = [variable.value for variable in model.trainable_variables]
    zero = tf.UnconnectedGradients.ZERO
    return Derivatives(value, *tape.gradient(value, (dict(inputs), variables, marked), unconnected_gradients=zero))


def _torch(model: Any, loss: Loss, inputs: Tensors, nodes: bool) -> Derivatives:
    import torch

    marked: dict[str, Any] = {}

    def mark(path: str, tensor: Any) -> Any:
        marked[path] = tensor.view_as(tensor)  # a node that changes nothing would share its tensor
        return marked[path]

    inputs = {path: tensor.requires_grad_() for path, tensor in inputs.items()}
    value = loss(inputs, mark if nodes else None)
    variables = [variable.value for variable in model.trainable_variables]
    sources = [*inputs.values(), *variables, *marked.values()]
    found = iter(torch.autograd.grad(value, sources, allow_unused=True, materialize_grads=True))
    return Derivatives(
        value,
        {path: next(found) for path in inputs},
        [next(found) for _ in variables],
        {path: next(found) for path in marked},
    )


def _jax(model: Any, loss: Loss, inputs: Tensors, nodes: bool) -> Derivatives:
    import jax

    fixed = model.non_trainable_variables

    def forward(inputs: Tensors, trained: list[Any], added: Tensors, state: list[Any], mark: Mark | None) -> Any:
        values = [*zip(model.trainable_variables, trained, strict=True), *zip(fixed, state, strict=True)]
        with keras.StatelessScope(state_mapping=values) as scope:
            value = loss(inputs, mark)
            return value, [scope.get_current_value(variable) for variable in fixed]

    def shapes(inputs: Tensors, trained: list[Any], state: list[Any]) -> Any:
        marked: dict[str, Any] = {}

        def mark(path: str, tensor: Any) -> Any:
            marked[path] = tensor
            return tensor

        forward(inputs, trained, {}, state, mark)
        return marked

    trained = [variable.value for variable in model.trainable_variables]
    state = [variable.value for variable in fixed]
    added: Tensors = {}
    if nodes:
        added = {
            path: jax.numpy.zeros(found.shape, found.dtype)
            for path, found in jax.eval_shape(shapes, inputs, trained, state).items()
        }

    def add(inputs: Tensors, trained: list[Any], added: Tensors, state: list[Any]) -> Any:
        # The derivative of the loss with respect to what is added to a tensor is that with respect to the tensor.
        return forward(inputs, trained, added, state, (lambda path, tensor: tensor + added[path]) if nodes else None)

    derive = jax.jit(jax.value_and_grad(add, argnums=(0, 1, 2), has_aux=True))
    (value, state), found = derive(inputs, trained, added, state)
    _assign(fixed, state)
    return Derivatives(value, *found)


def _assign(variables: list[Any], values: list[Any]) -> None:
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


def _tensorflow_step(model: Any, optimizer: Any, loss: WholeLoss) -> Step:
    import tensorflow as tf

    @tf.function
    def step(inputs: Tensors, targets: Tensors) -> Any:
        with tf.GradientTape() as tape:
            value = loss(inputs, targets)
        variables = [variable.value for variable in model.trainable_variables]
        found = tape.gradient(value, variables, unconnected_gradients=tf.UnconnectedGradients.ZERO)
        optimizer.apply(found, model.trainable_variables)
        return value

    return step


def _torch_step(model: Any, optimizer: Any, loss: WholeLoss) -> Step:
    import torch

    def step(inputs: Tensors, targets: Tensors) -> Any:
        value = loss(inputs, targets)
        variables = [variable.value for variable in model.trainable_variables]
        found = torch.autograd.grad(value, variables, allow_unused=True, materialize_grads=True)
        with torch.no_grad():
            optimizer.apply(list(found), model.trainable_variables)
        return value.detach()

    return step


def _jax_step(model: Any, optimizer: Any, loss: WholeLoss) -> Step:
    import jax

    trainable, fixed, own = model.trainable_variables, model.non_trainable_variables, optimizer.variables

    def forward(trained: list[Any], state: list[Any], inputs: Tensors, targets: Tensors) -> Any:
        values = [*zip(trainable, trained, strict=True), *zip(fixed, state, strict=True)]
        with keras.StatelessScope(state_mapping=values) as scope:
            value = loss(inputs, targets)
            return value, [scope.get_current_value(variable) for variable in fixed]

    @jax.jit
    def compiled(trained: list[Any], state: list[Any], kept: list[Any], inputs: Tensors, targets: Tensors) -> Any:
        (value, state), found = jax.value_and_grad(forward, has_aux=True)(trained, state, inputs, targets)
        return value, state, *optimizer.stateless_apply(kept, found, trained)

    def step(inputs: Tensors, targets: Tensors) -> Any:
        before = [[variable.value for variable in variables] for variables in (trainable, fixed, own)]
        value, state, trained, kept = compiled(*before, inputs, targets)
        for variables, values in ((trainable, trained), (fixed, state), (own, kept)):
            _assign(variables, values)
        return value

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
