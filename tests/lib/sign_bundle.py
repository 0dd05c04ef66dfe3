"""sign_bundle.py KEY GENERATION POLICIES SCHEMA OUT [ENTITIES]

Signs a policy bundle with Debian's own cbor2 and cryptography: a second implementation of the
format in docs/formats/domain.md, and how the system tests put another policy into force.
"""

import hashlib
import sys

import cbor2
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

key_file, generation, policies, schema, out = sys.argv[1:6]
with open(key_file, "rb") as file:
    key = load_pem_private_key(file.read(), None)
x = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def encode(value):
    return cbor2.dumps(value, canonical=True)


def text(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def in_order(fields):
    """RFC 8949 section 4.2.1 orders keys by their encoded bytes; cbor2's canonical form by length."""
    items = sorted((cbor2.dumps(k), cbor2.dumps(v)) for k, v in fields.items())
    return bytes([0xA0 + len(items)]) + b"".join(k + v for k, v in items)


payload = in_order(
    {
        "version": 0,
        "name": "default",
        "generation": int(generation),
        "policies": text(policies),
        "schema": text(schema),
        "entities": text(sys.argv[6]).encode() if len(sys.argv) > 6 else b"",
    }
)
thumbprint = hashlib.sha256(in_order({1: 1, -1: 6, -2: x})).digest()
protected = in_order({1: -8, 4: thumbprint, 16: "application/writ-policy+cose"})
to_sign = encode(["Signature1", protected, b"", payload])
with open(out, "wb") as file:
    file.write(encode(cbor2.CBORTag(18, [protected, {}, payload, key.sign(to_sign)])))
