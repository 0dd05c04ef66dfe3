// The functions that proof.wasm imports (proof_wasm.h), with @noble/hashes and @noble/curves. They
// must say what src/crypto/keys_host.cc says with libsodium and OpenSSL, for whatever bytes a
// stranger chose; tests/wasm compares them. So Ed25519 is not the library's own `verify`: that
// multiplies by the cofactor (as RFC 8032 allows), and a key or an R with a torsion part would pass
// here and not there.
import { ed25519 } from "@noble/curves/ed25519.js";
import { p256 } from "@noble/curves/nist.js";
import { sha256, sha512 } from "@noble/hashes/sha2.js";

const L = ed25519.Point.Fn.ORDER;

function number(bytes) {
  let value = 0n;
  for (let i = bytes.length - 1; i >= 0; --i) value = (value << 8n) | BigInt(bytes[i]);
  return value;
}

function uncompressed(xy) {
  const point = new Uint8Array(65);
  point[0] = 4;
  point.set(xy, 1);
  return point;
}

// What throws in the library is bytes that are no point or no scalar: they do not verify.
const holds = (check) => {
  try {
    return check();
  } catch {
    return false;
  }
};

// Everything is given as views, which nobody here keeps or changes.
export const cryptography = {
  sha256,

  isOnP256(xy) {
    return holds(() => {
      p256.Point.fromBytes(uncompressed(xy)).assertValidity();
      return true;
    });
  },

  verifiesEd25519(key, message, signature) {
    return holds(() => {
      const A = ed25519.Point.fromBytes(key, false);
      const R = ed25519.Point.fromBytes(signature.subarray(0, 32), false);
      const s = number(signature.subarray(32));
      if (s >= L || A.isSmallOrder() || R.isSmallOrder()) return false;
      const hash = sha512.create().update(signature.subarray(0, 32)).update(key).update(message);
      const k = number(hash.digest()) % L;
      return ed25519.Point.BASE.multiplyUnsafe(s).subtract(A.multiplyUnsafe(k)).equals(R);
    });
  },

  verifiesEs256(xy, message, signature) {
    return holds(() =>
      p256.verify(signature, message, uncompressed(xy), {
        format: "compact",
        lowS: false,
        prehash: true,
      }),
    );
  },
};
