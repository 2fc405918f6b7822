"""From a spec to a layer graph: the one place that knows both `archspec.spec` and `archspec.ir`."""

from archspec.lowering.network import examine, lower

__all__ = ["examine", "lower"]
