// module.mjs PROOF.WASM BUNDLES: what proof.wasm may ask of whoever loads it, and how it ends when it
// cannot go on. Nothing but the whole check says that a bundle verifies: not less memory, not less
// stack, not functions that fail, answer wrongly or answer with something that is no answer.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { cryptography } from "../../apps/proof-wasm/crypto.mjs";
import { ProofVerifier } from "../../apps/proof-wasm/verifier.mjs";
import { records, text } from "./records.mjs";

const [wasmFile, bundlesFile] = process.argv.slice(2);
const wasm = new Uint8Array(readFileSync(wasmFile));

// Where it was built is not in it, so that it is the same built anywhere (`run`, long form).
for (const place of [process.cwd(), "/usr/include", "build/wasm"]) {
  assert(!Buffer.from(wasm).includes(place), `${place} stands in the module`);
}

// The exact lists: one name more is a decision, not an accident.
{
  const module = await WebAssembly.compile(wasm);
  const functions = ["died", "is_on_p256", "sha256", "verifies_ed25519", "verifies_es256"];
  assert.deepEqual(
    WebAssembly.Module.imports(module).map((one) => `${one.kind} ${one.module}.${one.name}`).sort(),
    functions.map((name) => `function writ.${name}`),
  );
  assert.deepEqual(
    WebAssembly.Module.exports(module).map((one) => `${one.kind} ${one.name}`).sort(),
    ["function _initialize", "function writ_proof_alloc", "function writ_proof_free",
     "function writ_proof_verify", "memory memory"],
  );
}

// Two numbers of the module's own bytes, so that a copy can have others: the most memory it may
// have, in pages, and where its stack starts (it grows down to address 0).
const places = (() => {
  let at = 8;
  const number = () => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      value |= (wasm[at] & 0x7f) << shift;
      if (wasm[at++] < 0x80) return value;
    }
  };
  const place = () => {
    const from = at;
    return { from, value: number(), size: at - from };
  };
  const found = {};
  while (at < wasm.length) {
    const section = wasm[at++];
    const size = number();
    const end = at + size;
    if (section === 5) {
      assert.deepEqual([number(), wasm[at++]], [1, 1], "one memory, with a limit");
      found.first = number();
      found.most = place();
    } else if (section === 6) {
      number();
      assert.deepEqual([...wasm.subarray(at, at + 3)], [0x7f, 1, 0x41], "the stack pointer");
      at += 3;
      found.stack = place();
    }
    at = end;
  }
  return found;
})();
assert.equal(places.most.value, 16384, "pages of 64 KiB: 1 GiB");
assert.equal(places.stack.value, 1048576, "bytes of stack");

function altered({ from, size }, value) {
  const copy = wasm.slice();
  for (let i = 0; i < size; ++i) {
    copy[from + i] = ((value >> (7 * i)) & 0x7f) | (i + 1 < size ? 0x80 : 0);
  }
  return copy;
}

const [[, file, requestBytes, answerBytes]] = records(bundlesFile, 4);
const request = text(requestBytes);
const whole = text(answerBytes);
assert.equal(JSON.parse(whole).ok, true);

const brokeOff = (answer) => {
  const { schema, ok, because, ...more } = JSON.parse(answer);
  assert.deepEqual([schema, ok, more], [0, false, {}], answer);
  assert.match(because, /^the verifier broke off: ./);
  return because;
};

// Less and less of one of the two: the whole answer, or none; and both happen.
async function withLess(what, values) {
  let broke = 0;
  for (const value of values) {
    const verifier = await ProofVerifier.load(altered(places[what], value), cryptography);
    const answer = await verifier.verifyText(file, request);
    if (answer === whole) continue;
    brokeOff(answer);
    ++broke;
  }
  assert(broke > 0 && broke < values.length, `${what}: ${broke} of ${values.length} broke off`);
  return `${broke} of ${values.length}`;
}
const pages = Array.from({ length: 24 }, (_, i) => places.first + i);
const stacks = Array.from({ length: 33 }, (_, i) => 16 * Math.round(2 ** (i / 2.4)));
const lessMemory = await withLess("most", pages);
const lessStack = await withLess("stack", [...stacks, 1048576]);

// A file that the memory cannot hold; and the same verifier goes on with the next.
const verifier = await ProofVerifier.load(wasm, cryptography);
assert.match(brokeOff(await verifier.verifyText(new Uint8Array(2 ** 30), request)), /no memory left/);
assert.equal(await verifier.verifyText(file, request), whole);

// Functions of the loader that fail, or that answer with what is not `true`.
for (const name of Object.keys(cryptography)) {
  const withOther = (other) => ProofVerifier.load(wasm, { ...cryptography, [name]: other });
  const failing = await withOther(() => {
    throw new RangeError("no such thing");
  });
  const used = name === "sha256" || name === "verifiesEd25519";
  const answer = await failing.verifyText(file, request);
  if (used) assert.match(brokeOff(answer), /no such thing/);
  if (name === "sha256") {
    const zeros = await withOther(() => new Uint8Array(32));
    assert.equal(JSON.parse(await zeros.verifyText(file, request)).ok, false);
    continue;
  }
  for (const other of [false, 1, "true", {}, undefined, Promise.resolve(true)]) {
    const odd = await withOther(() => other);
    const { ok } = JSON.parse(await odd.verifyText(file, request));
    assert.equal(ok, !used, `${name} answers ${String(other)}`);
  }
}

// What is not the module is not loaded.
await assert.rejects(ProofVerifier.load(new Uint8Array([1, 2, 3]), cryptography), /WebAssembly/);
const name = (string) => [string.length, ...new TextEncoder().encode(string)];
const imports = [1, ...name("wasi_snapshot_preview1"), ...name("fd_write"), 0, 0];
const curious = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1, 4, 1, 0x60, 0, 0, 2, imports.length, ...imports];
await assert.rejects(ProofVerifier.load(new Uint8Array(curious), cryptography),
  /it asks for wasi_snapshot_preview1\.fd_write/);

console.log(`module: five imports; with less memory ${lessMemory} broke off, with less stack ${lessStack}`);
