"""Verdicts on campaigns as trees in a terminal."""

from typing import Any

from rich.text import Text
from rich.tree import Tree

_WHOLES = {
    "matchers": "all of",
    "has": "has",
    "does_not_have": "does not have",
    "where": "where",
    "any": "any of",
    "all": "all of",
    "none": "none of",
}


class VerdictWriter:
    """Writes the verdicts of /explain: all that they say, or what decides only.

    Each line begins with yes or no, so that it reads without colours too. A character that the
    terminal's encoding lacks, or that could change the terminal, is written as its code.
    """

    def __init__(self, encoding: str, *, full: bool) -> None:
        self._encoding = encoding
        self._full = full

    def heading(self, content: dict[str, Any]) -> Text:
        """Return a line on the player, the time and the campaigns."""
        stale = ", which may be out of date" if content["stale"] else ""
        return self._text(
            f"player {content['player_id']} at {content['at']}, "
            f"campaigns of revision {content['revision']}{stale}"
        )

    def tree(self, campaign: dict[str, Any]) -> Tree:
        """Return a line on a campaign, and beneath it what decides on the player."""
        line = _mark(verdict=campaign["active"])
        line.append_text(self._text(campaign["name"], "bold"))
        variant = campaign["variant"] if campaign["active"] else None
        with_variant = "" if variant is None else f", variant {variant}"
        line.append_text(self._text(f"{with_variant}: {campaign['reason']}"))
        tree = Tree(line, guide_style="dim")
        if self._full:
            tree.add(self._text(_circumstances(campaign), "dim"))
        matchers = campaign["matchers"]
        if matchers is not None and (self._full or not matchers["verdict"]):
            self._add_root(tree, matchers, said=campaign["reason"])
        return tree

    def _add_root(self, tree: Tree, matchers: dict[str, Any], *, said: str) -> None:
        root = self._without_shells(matchers)
        if root["matcher"] == "matchers" and "reason" not in root:
            self._add_parts(tree, root)
        elif self._full or root.get("reason") != said or "parts" in root:
            self._add(tree, root)

    def _add(self, tree: Tree, node: dict[str, Any]) -> None:
        node = self._without_shells(node)
        line = _mark(verdict=node["verdict"])
        line.append_text(self._text(_saying(node)))
        self._add_parts(tree.add(line), node)

    def _add_parts(self, tree: Tree, node: dict[str, Any]) -> None:
        for part in self._shown(node):
            self._add(tree, part)

    def _shown(self, node: dict[str, Any]) -> list[dict[str, Any]]:
        """Return the parts of a whole: all, or those without which the verdict would be another."""
        parts: list[dict[str, Any]] = node.get("parts", [])
        wanted = node["verdict"] is not _is_refusing(node)
        deciding = [part for part in parts if part["verdict"] is wanted]
        return parts if self._full else deciding or parts

    def _without_shells(self, node: dict[str, Any]) -> dict[str, Any]:
        """Return the only part that is shown of wholes that say no more than it."""
        while "segment" not in node and not _is_refusing(node) and len(self._shown(node)) == 1:
            [node] = self._shown(node)
        return node

    def _text(self, text: str, style: str = "") -> Text:
        printable = "".join(
            each if each.isprintable() else each.encode("unicode_escape").decode() for each in text
        )
        encoded = printable.encode(self._encoding, "backslashreplace")
        return Text(encoded.decode(self._encoding), style)


def _mark(*, verdict: bool) -> Text:
    return Text("yes ", "bold green") if verdict else Text("no  ", "bold red")


def _is_refusing(node: dict[str, Any]) -> bool:
    """Return whether a whole holds when none of its parts does."""
    return "none" in {node["matcher"], node.get("operator")}


def _saying(node: dict[str, Any]) -> str:
    parts = node.get("parts")
    if parts is None:
        reason: str = node["reason"]
        return reason
    if "segment" in node:
        return f"in the segment {node['segment']}"
    if node["matcher"] == "segment":
        operator = node.get("operator")
        return "segments" if operator is None else f"in {operator} of the segments"
    return _WHOLES.get(node["matcher"], node["matcher"]) if parts else "everyone matches"


def _circumstances(campaign: dict[str, Any]) -> str:
    named = {
        "status": campaign["status"],
        "priority": f"{campaign['priority']:g}",
        "from": campaign["start_date"],
        "until": campaign["end_date"],
        "variant": campaign["variant"],
        "group": campaign["group"],
        "first of its group:": campaign["group_winner"],
    }
    return ", ".join(f"{name} {value}" for name, value in named.items() if value is not None)
