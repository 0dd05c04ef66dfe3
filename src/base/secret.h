// SecretBytes: key material that stays out of swap, core dumps, child processes and log lines.
//
// Each value lives in pages of its own, locked in memory where RLIMIT_MEMLOCK allows (`locked()`
// says), left out of core dumps (MADV_DONTDUMP), zero in a forked child (MADV_WIPEONFORK) and
// overwritten before the pages go back. It cannot be copied, printed or turned into a string. Its
// bytes are read only by code that names a SecretAccess, so `grep -rn SecretAccess` lists every
// place that sees a secret.
//
//   SecretBytes seed = SecretBytes::random(32, random);
//   sign_with(seed.reveal(SecretAccess::for_reason("Ed25519 signing")));
//
// Not promised: nothing here helps against root, ptrace of this process, or copies that a
// library makes while it works (libsodium and OpenSSL cleanse theirs but do not lock them).
//
// Sizes: 0 to kMaxSecret bytes; each value costs at least one page. Running out of memory ends
// the process.
// Thread safety: distinct values may be used from distinct threads.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <utility>

#include "base/bytes.h"
#include "base/random.h"
#include "base/result.h"

namespace writ {

inline constexpr std::size_t kMaxSecret = 64 * 1024;

// SecretAccess is the token that reading a secret takes. `reason` is for the reader of the code.
class SecretAccess {
 public:
  static SecretAccess for_reason(const char* reason) {
    (void)reason;
    return SecretAccess();
  }

 private:
  SecretAccess() = default;
};

class SecretBytes {
 public:
  SecretBytes() = default;
  // A new value of `size` zero bytes. Preconditions: size <= kMaxSecret.
  explicit SecretBytes(std::size_t size);
  SecretBytes(SecretBytes&& other) noexcept;
  SecretBytes& operator=(SecretBytes&& other) noexcept;
  SecretBytes(const SecretBytes&) = delete;
  SecretBytes& operator=(const SecretBytes&) = delete;
  ~SecretBytes() { clear(); }

  // copy_of copies; cleansing `bytes` stays the caller's work. Preconditions: as above.
  static SecretBytes copy_of(Bytes bytes);
  // random fills with `size` bytes of `random`.
  static SecretBytes random(std::size_t size, Random& random);
  // clone copies into pages of its own.
  SecretBytes clone() const { return copy_of(view()); }

  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  // locked says whether the pages are locked in memory (true when empty).
  bool locked() const { return locked_; }

  // reveal views the bytes; the view dies with this value.
  Bytes reveal(SecretAccess) const { return view(); }
  // fill_in gives write access, for code that produces a secret.
  std::span<std::byte> fill_in(SecretAccess) { return {data_, size_}; }

  // shrink cuts to the first `size` bytes and cleanses the rest. Preconditions: size <= size().
  void shrink(std::size_t size);
  // clear cleanses and releases the pages; the value is empty afterwards.
  void clear();

  // Equality takes time that depends on the sizes only.
  friend bool operator==(const SecretBytes& a, const SecretBytes& b);

 private:
  Bytes view() const { return {data_, size_}; }
  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
  std::size_t mapped_ = 0;  // whole pages
  bool locked_ = true;
};

// cleanse overwrites with zeros in a way that the compiler keeps.
void cleanse(std::span<std::byte> bytes);
// equal_constant_time compares contents in time that depends on the sizes only.
bool equal_constant_time(Bytes a, Bytes b);

// read_secret_file is read_file (base/fd.h) straight into secret memory: a regular file of at
// most `limit` (<= kMaxSecret) bytes. Errors as read_file.
Result<SecretBytes> read_secret_file(const std::string& path, std::size_t limit = kMaxSecret);

}  // namespace writ
