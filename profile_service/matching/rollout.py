"""The spreading of players over buckets and variants, by MurmurHash3 (x86, 32 bits, seed 0).

Others can compute the same: SPEC.md has examples. A key holds no `/`, so that no two
pairs of keys are hashed as the same text.
"""

from collections.abc import Callable, Sequence

import mmh3

from contracts.matchers import BUCKETS

_HASHES = 2**32


def bucket_of(salt: str, player_id: str) -> int:
    """Return the bucket of a player, from 0 to 9,999."""
    return bucket_for(salt)(player_id.encode(errors="replace"))


def bucket_for(salt: str) -> Callable[[bytes], int]:
    """Return the function from a player's id, as UTF-8, to the bucket for a salt."""
    prefix = f"{salt}/".encode()
    return lambda player_id: mmh3.hash(prefix + player_id, signed=False) % BUCKETS


def variant_of(campaign: str, variants: Sequence[tuple[str, int]], player_id: str) -> int:
    """Return the index of a player's variant among variants, given by name and weight.

    Each variant takes its share of the players of those before it: the last one that takes the
    player has it, as in the sampling of one item from a stream (A. Chao, "A general purpose
    unequal probability sampling plan", 1982). So one more variant at the end moves only the
    players that it takes. There must be at least one variant.
    """
    chosen = total = 0
    for index, (name, weight) in enumerate(variants):
        total += weight
        text = f"{campaign}/{name}/{player_id}".encode(errors="replace")
        hashed = mmh3.hash(text, signed=False)
        if hashed * total < weight * _HASHES:
            chosen = index
    return chosen
