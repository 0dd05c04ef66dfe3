#include "proof-wasm/proof_wasm.h"

#include <cstdint>
#include <cstdlib>
#include <new>
#include <string>
#include <string_view>

#include "proof/verdict.h"

#define WRIT_EXPORT(name) extern "C" __attribute__((export_name(name)))

extern "C" __attribute__((import_module("writ"), import_name("died"), noreturn)) void writ_died(
    const char* text, std::size_t size);

namespace writ {

void die(const char* what, const char* file, int line) {
  const std::string text =
      std::string("broken invariant: ") + what + " (" + file + ":" + std::to_string(line) + ")";
  writ_died(text.data(), text.size());
}

}  // namespace writ

// Without exceptions the library's own gives null when there is no memory, and in WebAssembly
// address 0 can be written to.
void* operator new(std::size_t size) {
  void* const memory = std::malloc(size == 0 ? 1 : size);
  constexpr std::string_view kText = "no memory left";
  if (memory == nullptr) writ_died(kText.data(), kText.size());
  return memory;
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}

// The C library's ways out of the module, taken by its own messages before it aborts. They end
// here, so that the module imports none of them; there is no environment.
#define WRIT_NO_WASI(name, ...)                               \
  int __imported_wasi_snapshot_preview1_##name(__VA_ARGS__) { \
    __builtin_trap();                                         \
  }
extern "C" {
WRIT_NO_WASI(fd_write, int, int, int, int)
WRIT_NO_WASI(fd_seek, int, std::int64_t, int, int)
WRIT_NO_WASI(fd_close, int)
void __imported_wasi_snapshot_preview1_proc_exit(int) {
  __builtin_trap();
}
int __imported_wasi_snapshot_preview1_environ_get(int, int) {
  return 0;
}
int __imported_wasi_snapshot_preview1_environ_sizes_get(int count, int size) {
  *reinterpret_cast<std::size_t*>(count) = 0;
  *reinterpret_cast<std::size_t*>(size) = 0;
  return 0;
}
}

WRIT_EXPORT("writ_proof_alloc") void* writ_proof_alloc(std::size_t size) {
  return ::operator new(size);
}

WRIT_EXPORT("writ_proof_free") void writ_proof_free(void* memory) {
  ::operator delete(memory);
}

WRIT_EXPORT("writ_proof_verify")
const WritProofAnswer* writ_proof_verify(const std::byte* bundle, std::size_t bundle_size,
                                         const char* request, std::size_t request_size) {
  static std::string text;
  static WritProofAnswer answer;
  text = writ::proof::check_file({bundle, bundle_size}, {request, request_size});
  answer = {text.data(), text.size()};
  return &answer;
}
