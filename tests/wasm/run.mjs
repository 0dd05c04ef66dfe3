// run.mjs PROOF.WASM BUNDLES SIGNATURES: every answer of the native verifier (bundles.cc) and of the
// native libraries (signatures.cc) against those of proof.wasm and of @noble. One difference fails;
// so does a list that no longer holds what it is for.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { cryptography } from "../../apps/proof-wasm/crypto.mjs";
import { ProofVerifier } from "../../apps/proof-wasm/verifier.mjs";
import { records, text } from "./records.mjs";

const [wasmFile, bundlesFile, signaturesFile] = process.argv.slice(2);

class Tally {
  #count = new Map();
  add(what) {
    this.#count.set(what, (this.#count.get(what) ?? 0) + 1);
  }
  expect(what, least) {
    const is = this.#count.get(what) ?? 0;
    assert(is >= least, `only ${is} cases: ${what}; the list should hold ${least}; it holds ${this}`);
  }
  toString() {
    return [...this.#count].map(([what, count]) => `${count} ${what}`).join(", ");
  }
}

const differences = [];
function compare(name, native, here) {
  if (native !== here) differences.push(`${name}\n  native: ${native}\n  here:   ${here}`);
}

// Signatures.
const signatures = new Tally();
for (const [name, said, key, message, signature] of records(signaturesFile, 5)) {
  const [algorithm, made, verdict] = text(said).split(" ");
  const here =
    algorithm === "EdDSA"
      ? cryptography.verifiesEd25519(key, message, signature)
      : cryptography.isOnP256(key) && cryptography.verifiesEs256(key, message, signature);
  compare(`${algorithm} ${text(name)}`, verdict, here === true ? "yes" : "no");
  if (algorithm === "ES256") {
    compare(`key of ${text(name)}`, made, cryptography.isOnP256(key) === true ? "key" : "none");
  }
  signatures.add(`${algorithm} ${verdict}`);
  signatures.add(`${algorithm} ${made}`);
  if (text(name).startsWith("mixed order")) signatures.add(`mixed order ${verdict}`);
}
signatures.expect("EdDSA yes", 200);
signatures.expect("EdDSA no", 1000);
signatures.expect("EdDSA none", 300);
signatures.expect("ES256 yes", 400);
signatures.expect("ES256 no", 1000);
signatures.expect("ES256 none", 500);
signatures.expect("mixed order yes", 10);
signatures.expect("mixed order no", 100);

// Bundles.
const verifier = await ProofVerifier.load(readFileSync(wasmFile), cryptography);
const bundles = new Tally();
let total = 0;
for (const [name, file, request, answer] of records(bundlesFile, 4)) {
  // A request that is no UTF-8 cannot be given as text.
  const asked = text(request);
  const here = await verifier.verifyText(file, asked);
  compare(text(name), text(answer), here);
  total += 1;
  const { ok, because, error, steps = [] } = JSON.parse(here);
  bundles.add(error ? "senseless" : because !== undefined ? "no bundle" : ok ? "ok" : "not ok");
  for (const { step, outcome } of steps) bundles.add(`${step} ${outcome}`);
}
assert(total >= 1000, `${total} bundles`);
bundles.expect("ok", 150);
bundles.expect("not ok", 350);
bundles.expect("no bundle", 100);
bundles.expect("senseless", 15);
for (const step of ["head", "records", "in force", "permit chain", "policy", "continuity", "complete", "witnessed"]) {
  bundles.expect(`${step} ok`, 10);
  bundles.expect(`${step} no`, 4);
}

assert.equal(differences.length, 0, `${differences.length} differ:\n${differences.slice(0, 5).join("\n")}`);
console.log(`${total} bundles, each answer as the native one: ${bundles}`);
console.log(`signatures, each verdict as the native one: ${signatures}`);
