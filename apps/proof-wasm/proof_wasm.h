// proof.wasm: the verifier of proof bundles as WebAssembly, for pages and programs that check a run
// without asking anybody (P10). Its code is src/proof and what that stands on, the same that
// `writ proof verify` runs. verifier.mjs beside this file loads it and is what others use.
//
// The module can do nothing but compute. It imports five functions, all from the module "writ", and
// nothing of WASI: no file, no clock, no randomness, no output.
//   sha256(bytes, size, out)                            writes 32 bytes
//   is_on_p256(xy) → 1 or 0                             64 bytes X‖Y
//   verifies_ed25519(key, message, size, signature) → 1 or 0
//   verifies_es256(xy, message, size, signature) → 1 or 0
//   died(text, size)                                    must not return
// src/crypto/verify_internal.h says what must verify; who loads the module answers for it.
//
// A broken invariant, exhausted memory or a stack that overflows ends in died() or a trap. Then
// nothing was verified, and the instance must not be called again: its memory may be in any state.
// Better make an instance for each bundle, as verifier.mjs does.
//
// Memory: at most 1 GiB (the linker's limit), about three times the file. Time: as long as the
// bundle makes it, with the limits of its formats; who shows a page runs it beside the page.
// Thread safety: one call at a time.
#pragma once

#include <cstddef>

// Where an answer lies; valid until the next call of writ_proof_verify.
struct WritProofAnswer {
  const char* text;  // UTF-8 JSON (src/proof/verdict.h), not terminated
  std::size_t size;
};

extern "C" {
// writ_proof_alloc is memory for `size` bytes, owned by the caller until writ_proof_free.
void* writ_proof_alloc(std::size_t size);
void writ_proof_free(void* memory);
// writ_proof_verify is the answer to a request about a bundle (both as in src/proof/verdict.h).
const WritProofAnswer* writ_proof_verify(const std::byte* bundle, std::size_t bundle_size,
                                         const char* request, std::size_t request_size);
}
