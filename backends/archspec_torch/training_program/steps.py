"""One step of a training program as lines of PyTorch."""

from __future__ import annotations

from archspec.codegen.escaping import literal
from archspec.codegen.pretty_printer import INDENT
from archspec.ir.graph import LayerGraph
from archspec.recipe.sections import ClipNorm, ClipValue
from archspec_torch.training_program.losses import Targets
from archspec_torch.training_program.refusals import refused


def drops(graph: LayerGraph) -> bool:
    """Whether a network is random in training."""
    return any(node.op.random for node in graph.nodes.values())


def count_of(targets: Targets) -> str:
    """How many losses the loss of a step is the mean of, as the program calls it."""
    return "BATCH" if _is_constant(targets) and not targets.maps and targets.ignored is None else "count"


def _is_constant(targets: Targets) -> bool:
    """Whether all batches have as many examples."""
    data = targets.plan.data
    return data.drop_last or data.examples["train"] % data.batch == 0


def step_lines(targets: Targets, inputs: str, *, computes: bool) -> list[str]:
    """The lines of a step, from the batch to the optimizer's step."""
    plan = targets.plan
    scaled = plan.precision == "float16"
    before: list[str] = []
    batch = f"{inputs}, targets = on_device(next(batches), device)"
    examples = "BATCH" if _is_constant(targets) else "min(BATCH, EXAMPLES - step % EPOCH * BATCH)"
    parts = plan.accumulate > 1
    inner = [] if parts else [batch]
    if targets.ignored is not None:
        if parts:
            before += [
                "parts = [on_device(next(batches), device) for _ in range(PARTS)]",
                "known = sum((targets != IGNORED).sum() for _, targets in parts)",
                "count = over_processes(torch.as_tensor(known)).clamp(min=1)",
            ]
        else:
            inner.append("count = over_processes((targets != IGNORED).sum()).clamp(min=1)")
    elif targets.maps:
        inner.append(f"count = {examples} * targets.shape[1:].numel()")
    elif not _is_constant(targets):
        before.append(f"count = {examples}")
    compute = f"compute(model, {inputs})" if computes else f"model({inputs})"
    inner += [f"outputs = {compute}", "loss = loss_of(outputs, targets)"]
    gradient = f"loss * RANKS / {count_of(targets)}"
    if scaled:
        gradient = f"scaler.scale({gradient})"
    inner.append(f"{gradient}.backward()" if scaled else f"({gradient}).backward()")
    inner.append("measures.add(outputs, targets)")
    if parts:
        loop = [f"for turn, ({inputs}, targets) in enumerate(parts):"]
        if targets.ignored is None:
            # All of them at once: one that cannot be read leaves the step before it as it was.
            before.append("parts = [next(batches) for _ in range(PARTS)]")
            loop = ["for turn, part in enumerate(parts):", f"{INDENT}{inputs}, targets = on_device(part, device)"]
        inner = [
            "total = torch.zeros((), device=device)",
            *loop,
            f"{INDENT}with exchanging(model, turn == PARTS - 1):",
            *(f"{INDENT * 2}{line}" for line in inner),
            f"{INDENT}total = total + loss.detach()",
        ]
    return [*before, *inner, *_update(targets)]


def _update(targets: Targets) -> list[str]:
    plan = targets.plan
    scaled = plan.precision == "float16"
    lines: list[str] = []
    if plan.clip is not None:
        if scaled:
            lines.append("scaler.unscale_(optimizer)")
        match plan.clip:
            case ClipNorm(most=most):
                lines.append(f"clip_norm(network, {literal(most)})")
            case ClipValue(most=most):
                lines.append(f"nn.utils.clip_grad_value_(network.parameters(), {literal(most)})")
            case other:
                help = "write `clip: {norm: 1.0}` or `clip: {value: 0.5}`"
                raise refused(f"there is nothing to print for the clipping `{other.name}`", help)
    return [*lines, *(["scaler.step(optimizer)", "scaler.update()"] if scaled else ["optimizer.step()"])]
