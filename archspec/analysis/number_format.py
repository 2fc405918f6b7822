"""Numbers as people read them."""

from __future__ import annotations


def counted(number: int) -> str:
    """A count of operations as people write it: 4.089 G."""
    for limit, unit in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if number >= limit:
            return f"{number / limit:.3f} {unit}"
    return str(number)


def sized(number: int) -> str:
    """A number of bytes: 102.341 MB, where a megabyte is 10**6 bytes."""
    text = counted(number)
    return f"{text}B" if number >= 1000 else f"{text} B"


def change(before: int, after: int) -> str:
    """How a count changed: `+1,024 (+0.5 %)`; without the share where it says nothing."""
    if before == after:
        return "0"
    text = f"{after - before:+,}"
    share = (after - before) / before if before else 0
    return f"{text} ({100 * share:+.1f} %)" if 0.0005 <= abs(share) < 10 else text
