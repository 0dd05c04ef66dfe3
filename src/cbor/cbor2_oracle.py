"""Describes CBOR as the independent implementation cbor2 understands it.

  cbor2_oracle.py describe            lines of hex on stdin -> their descriptions
  cbor2_oracle.py generate SEED N     N lines "HEX DESCRIPTION" of its own making

The description is that of generate.h. A line that cbor2 refuses is described as "refused: ...".
"""
import random
import struct
import sys

import cbor2


def describe(value):
    if value is None:
        return "s22"
    if value is cbor2.undefined:
        return "s23"
    if isinstance(value, bool):
        return "s21" if value else "s20"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return "fnan" if value != value else "f" + struct.pack(">d", value).hex()
    if isinstance(value, bytes):
        return "b" + value.hex()
    if isinstance(value, str):
        return "t" + value.encode().hex()
    if isinstance(value, cbor2.CBORSimpleValue):
        return "s%d" % value.value
    if isinstance(value, (list, tuple)):
        return "[" + "".join(describe(item) + " " for item in value) + "]"
    if isinstance(value, dict):
        return "{" + "".join(describe(k) + "=" + describe(v) + " " for k, v in value.items()) + "}"
    if isinstance(value, cbor2.CBORTag):
        return "%d(%s)" % (value.tag, describe(value.value))
    raise TypeError(repr(type(value)))


def any_int(rng):
    return rng.getrandbits(rng.choice((1, 5, 8, 9, 16, 17, 32, 33, 64, 70, 200)))


def any_text(rng):
    return "".join(chr(rng.choice((rng.randrange(0x80), rng.randrange(0x80, 0xD800),
                                   rng.randrange(0xE000, 0x110000))))
                   for _ in range(rng.choice((0, 1, 5, 30, 300))))


def any_float(rng):
    kind = rng.randrange(4)
    if kind == 0:
        return float(rng.randrange(-3000, 3000)) / rng.choice((1, 2, 1024))
    if kind == 1:
        return struct.unpack(">f", struct.pack(">I", rng.getrandbits(32)))[0]
    if kind == 2:
        return struct.unpack(">d", struct.pack(">Q", rng.getrandbits(64)))[0]
    # No half-precision value from 32768 up: cbor2 5.4 writes those as single precision.
    return rng.choice((0.0, -0.0, float("inf"), float("-inf"), float("nan"), 32752.0, 2.0 ** -24))


def any_map(rng, depth):
    # cbor2 sorts a canonical map by the older rule, shorter encodings first; among keys of one
    # major type that is the bytewise order too.
    key = rng.choice((any_int_key, lambda r: -1 - any_int_key(r), any_text,
                      lambda r: r.randbytes(r.randrange(20))))
    pairs = {key(rng): any_value(rng, depth) for _ in range(rng.randrange(6))}
    return dict(sorted(pairs.items(), key=lambda pair: cbor2.dumps(pair[0], canonical=True)))


def any_int_key(rng):
    return rng.getrandbits(rng.choice((1, 5, 8, 9, 16, 17, 32, 33, 64)))


def any_value(rng, depth):
    kind = rng.randrange(11 if depth else 8)
    if kind == 0:
        return any_int(rng)
    if kind == 1:
        return -1 - any_int(rng)
    if kind == 2:
        return rng.randbytes(rng.choice((0, 1, 23, 24, 255, 256)))
    if kind == 3:
        return any_text(rng)
    if kind == 4:
        return rng.choice((None, True, False, cbor2.undefined))
    if kind == 5:
        return cbor2.CBORSimpleValue(rng.choice((0, 19, 32, 255)))
    if kind in (6, 7):
        return any_float(rng)
    if kind == 8:
        return [any_value(rng, depth - 1) for _ in range(rng.randrange(6))]
    if kind == 9:
        return any_map(rng, depth - 1)
    return cbor2.CBORTag(1_000_000 + rng.getrandbits(20), any_value(rng, depth - 1))


def main():
    if sys.argv[1] == "describe":
        for line in sys.stdin:
            try:
                print(describe(cbor2.loads(bytes.fromhex(line))))
            except Exception as error:  # what it says is part of the answer
                print("refused:", type(error).__name__, str(error).replace("\n", " "))
    else:
        rng = random.Random(int(sys.argv[2]))
        for _ in range(int(sys.argv[3])):
            value = any_value(rng, 4)
            print(cbor2.dumps(value, canonical=True).hex(), describe(value))


main()
