// Verifies proof bundles with proof.wasm: in a browser, in Node, wherever WebAssembly is. It asks
// nobody: the module has no file, clock, randomness or network (proof_wasm.h).
//
//   const verifier = await ProofVerifier.load(wasmBytes, cryptography);   // crypto.mjs
//   const answer = await verifier.verify(bundle, {
//     trust: [{ name: "you.pub", pem }], log_key: "you@host+3f…" });
//   if (answer.ok === true) …
//
// bundle is a Uint8Array, the request and the answer are those of src/proof/verdict.h; what `writ
// proof verify --json` prints. Each bundle gets an instance of its own, so nothing of one reaches
// the next. When the module breaks off (a trap, memory that runs out), nothing was verified, and
// the answer says so: {"schema": 0, "ok": false, "because": …}.
//
// Only `ok === true` means that a bundle verifies. A hostile bundle may take long: run this in a
// worker where somebody waits.

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

export class ProofVerifier {
  #module;
  #cryptography;

  constructor(module, cryptography) {
    this.#module = module;
    this.#cryptography = cryptography;
  }

  // load compiles the module once for many bundles. It refuses one that could do more than compute.
  static async load(wasmBytes, cryptography) {
    const module = await WebAssembly.compile(wasmBytes);
    const foreign = WebAssembly.Module.imports(module).filter(
      ({ module: from, kind }) => from !== "writ" || kind !== "function",
    );
    if (foreign.length > 0) {
      throw new Error(`not the verifier: it asks for ${foreign[0].module}.${foreign[0].name}`);
    }
    return new ProofVerifier(module, cryptography);
  }

  // verify is the answer as an object.
  async verify(bundle, request) {
    return JSON.parse(await this.verifyText(bundle, JSON.stringify(request)));
  }

  // verifyText is the answer as the module wrote it; the request is JSON text.
  async verifyText(bundle, request) {
    try {
      return await this.#ask(bundle, encoder.encode(request));
    } catch (error) {
      const because = `the verifier broke off: ${error instanceof Error ? error.message : error}`;
      return JSON.stringify({ schema: 0, ok: false, because });
    }
  }

  async #ask(bundle, request) {
    let memory;
    const at = (address, size) => new Uint8Array(memory.buffer, address >>> 0, size >>> 0);
    const { sha256, isOnP256, verifiesEd25519, verifiesEs256 } = this.#cryptography;
    const instance = await WebAssembly.instantiate(this.#module, {
      writ: {
        sha256: (bytes, size, out) => at(out, 32).set(sha256(at(bytes, size))),
        is_on_p256: (xy) => Number(isOnP256(at(xy, 64)) === true),
        verifies_ed25519: (key, message, size, signature) =>
          Number(verifiesEd25519(at(key, 32), at(message, size), at(signature, 64)) === true),
        verifies_es256: (xy, message, size, signature) =>
          Number(verifiesEs256(at(xy, 64), at(message, size), at(signature, 64)) === true),
        died: (text, size) => {
          throw new Error(new TextDecoder().decode(at(text, size)));
        },
      },
    });
    const module = instance.exports;
    memory = module.memory;
    module._initialize();
    const given = (bytes) => {
      const address = module.writ_proof_alloc(bytes.length);
      at(address, bytes.length).set(bytes);
      return address;
    };
    const answer = module.writ_proof_verify(
      given(bundle), bundle.length, given(request), request.length);
    const [text, size] = new Uint32Array(memory.buffer.slice(answer >>> 0, (answer >>> 0) + 8));
    return decoder.decode(at(text, size));
  }
}
