"""Node: a part of matchers with its verdict, and why it is so."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

_HOLDS: dict[str, Callable[[Iterable[bool]], bool]] = {
    "any": any,
    "all": all,
    "none": lambda verdicts: not any(verdicts),
}
COMBINATIONS = tuple(_HOLDS)

EVERYONE = "everyone matches"
_WRONGLY = "one that must not hold does"


@dataclass(frozen=True, slots=True)
class Node:
    """A part of matchers: one condition with its `reason`, or a whole with its `parts`.

    `matcher` is the key in the matchers, or "matchers" for a whole of them; `segment` is the
    name of one, which has both a reason and, the first time in a tree, its parts. `expected`
    and `actual` are JSON; `is_cut` says that they are not whole. `missing` are items that the
    player should have, `forbidden` those that the player should not. A part that is not
    `is_known` cannot be judged: it fails, with all that it is in.
    """

    matcher: str
    verdict: bool
    path: str | None = None
    operator: str | None = None
    ignore_case: bool = False
    segment: str | None = None
    expected: Any = None
    actual: Any = None
    missing: Sequence[str] | None = None
    forbidden: Sequence[str] | None = None
    is_cut: bool = False
    reason: str | None = None
    parts: tuple["Node", ...] | None = None
    is_known: bool = True

    def content(self) -> dict[str, Any]:
        """Return the node as JSON values; what does not apply is left out."""
        content: dict[str, Any] = {
            "matcher": self.matcher,
            "path": self.path,
            "operator": self.operator,
            "ignore_case": self.ignore_case or None,
            "segment": self.segment,
            "expected": self.expected,
            "actual": self.actual,
            "missing": self.missing,
            "forbidden": self.forbidden,
            "cut": self.is_cut or None,
            "verdict": self.verdict,
            "reason": self.reason,
            "parts": None if self.parts is None else [part.content() for part in self.parts],
        }
        is_condition = self.parts is None and self.segment is None and self.is_known
        # Null is a value, too.
        kept = {"expected", "actual"} if is_condition else ()
        return {key: value for key, value in content.items() if value is not None or key in kept}


def combined(how: str, matcher: str, parts: Sequence[Node], *, operator: str | None = None) -> Node:
    """Return the whole of parts of which any, all or none must hold."""
    is_known = all(part.is_known for part in parts)
    return Node(
        matcher,
        verdict=is_known and _HOLDS[how](part.verdict for part in parts),
        operator=operator,
        parts=tuple(parts),
        is_known=is_known,
    )


def cause(node: Node) -> str:
    """Return a sentence on why the node's verdict is what it is."""
    if node.reason is not None:
        return node.reason
    parts = node.parts or ()
    unknown = [part for part in parts if not part.is_known]
    if unknown:
        return cause(unknown[0])
    how = node.operator if node.matcher == "segment" else node.matcher
    deciding = [part for part in parts if part.verdict is (node.verdict is not (how == "none"))]
    if how == "any" and not node.verdict and len(parts) > 1:
        return f"none of {len(parts)} alternatives holds; of the first, {cause(parts[0])}"
    if how == "none" and not node.verdict:
        is_segment = node.matcher == "segment"
        holding = cause(deciding[0])
        return f"{holding}, and must not be" if is_segment else f"{_WRONGLY}: {holding}"
    return cause(deciding[0]) if deciding else EVERYONE
