"""Sets of campaigns: the bits of an integer, or a few places where bits would be a waste.

Bit p stands for the campaign at place p. Python's integers combine 30 bits at a time in
C: that is what makes matching cheap.
"""

from collections.abc import Iterable, Sequence

# Bits, or places: a few places among very many would be mostly zeros as bits.
PackedSet = int | tuple[int, ...]

_FEW = 16
_MANY_BITS = 64
_LONG = 1024


def bits_of(places: Sequence[int], size: int) -> int:
    """Return the bits of these places, each below `size`."""
    if len(places) <= _FEW:
        bits = 0
        for place in places:
            bits |= 1 << place
        return bits
    buffer = bytearray((size >> 3) + 1)
    for place in places:
        buffer[place >> 3] |= 1 << (place & 7)
    return int.from_bytes(buffer, "little")


def pack(places: Sequence[int], size: int) -> PackedSet:
    """Return bits where they take at most 256 bytes for each place, else the places.

    So an index grows with what the campaigns list, never with the square of it.
    """
    return bits_of(places, size) if len(places) > size >> 11 else tuple(places)


def union(sets: Iterable[PackedSet], size: int) -> int:
    """Return the bits of the union of the sets."""
    bits = 0
    places: list[int] = []
    for each in sets:
        if isinstance(each, int):
            bits |= each
        else:
            places += each
    return bits | bits_of(places, size) if places else bits


def descending(bits: int) -> list[int]:
    """Return the places of the bits that are set, the highest first.

    To take the highest bit away costs as much as the rest is long: a set of many bits is
    halved until that is little.
    """
    if bits.bit_count() > _MANY_BITS and (length := bits.bit_length()) > _LONG:
        half = length >> 1
        lower = descending(bits & ((1 << half) - 1))
        return [place + half for place in descending(bits >> half)] + lower
    places = []
    while bits:
        place = bits.bit_length() - 1
        places.append(place)
        bits ^= 1 << place
    return places
