"""From a spec to a layer graph: the one place that knows both `archspec.spec` and `archspec.ir`."""

from archspec.lowering.lower import lower

__all__ = ["lower"]
