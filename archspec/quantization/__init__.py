"""int8 by calibration: which tensors are rounded, by which scales, and what that costs."""
