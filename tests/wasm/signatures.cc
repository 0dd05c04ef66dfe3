// signatures FILE: keys, messages and signatures with what libsodium and OpenSSL say of them, for
// run.mjs to ask @noble the same. Project Wycheproof's cases, and those where readings of RFC 8032
// and FIPS 186 differ: torsion in keys and in R, small order, encodings that are not canonical, s
// beyond L, r and s at the ends of their range, points beside the curve.
#include <sodium.h>

#include <array>
#include <cstdio>
#include <cstdlib>

#include "base/fd.h"
#include "base/random.h"
#include "crypto/keys.h"
#include "json/read.h"
#include "records.h"

namespace writ::crypto {
namespace {

using Point = std::array<unsigned char, 32>;
using Scalar = std::array<unsigned char, 32>;

class Cases {
 public:
  explicit Cases(const std::string& path) : records_(path) {}
  // put writes the case; the verdict is that of the whole of crypto/keys.h.
  void put(const std::string& name, Algorithm algorithm, Bytes key, Bytes message,
           Bytes signature) {
    const Result<PublicKey> made = PublicKey::create(algorithm, key);
    const bool good = made && check_signature(*made, message, signature);
    const std::string said = std::string(algorithm_name(algorithm)) + (made ? " key" : " none") +
                             (good ? " yes" : " no");
    records_.put({as_bytes(name), as_bytes(said), key, message, signature});
  }

 private:
  Records records_;
};

ByteVec hex_of(const json::Value& value, const char* name) {
  return from_hex(*value.find(name)->as_string()).value();
}
// A number as 32 bytes, whatever signs and zeros it was written with.
ByteVec number_of(const json::Value& value, const char* name) {
  ByteVec bytes = hex_of(value, name);
  while (bytes.size() > 32) bytes.erase(bytes.begin());
  while (bytes.size() < 32) bytes.insert(bytes.begin(), std::byte{0});
  return bytes;
}

void wycheproof(Cases& cases, const std::string& file, Algorithm algorithm, bool der) {
  const char* shared = std::getenv("WRIT_SHARED");
  const std::string path =
      std::string(shared == nullptr ? "../shared" : shared) + "/vectors/wycheproof/" + file;
  const ByteVec text = read_file(path, 4U << 20U).value();
  const json::Value document = json::read(as_text(text), {.bytes = 4U << 20U}).value();
  for (const json::Value& group : *document.find("testGroups")->as_array()) {
    const json::Value& given = *group.find("publicKey");
    ByteVec key;
    if (algorithm == Algorithm::EdDSA) {
      key = hex_of(given, "pk");
    } else {
      key = number_of(given, "wx");
      append(key, number_of(given, "wy"));
    }
    for (const json::Value& one : *group.find("tests")->as_array()) {
      ByteVec signature = hex_of(one, "sig");
      if (der) {
        const Result<Signature> fixed = es256_from_der(signature);
        if (!fixed) continue;
        signature = to_vec(Bytes(*fixed));
      }
      if (signature.size() != kSignatureSize) continue;
      cases.put(file + " " + std::to_string(*one.find("tcId")->as_int64()), algorithm, key,
                hex_of(one, "msg"), signature);
    }
  }
}

Bytes bytes_of(const auto& array) {
  return std::as_bytes(std::span(array));
}
Point point_of(std::string_view hex) {
  Point out{};
  const ByteVec bytes = from_hex(hex).value();
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = std::to_integer<unsigned char>(bytes[i]);
  return out;
}

// The points of small order, and their encodings that are not canonical.
std::vector<Point> small_points() {
  const char* const y[] = {
      "0100000000000000000000000000000000000000000000000000000000000000",  // order 1
      "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",  // 2
      "0000000000000000000000000000000000000000000000000000000000000000",  // 4
      "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",  // 8
      "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",  // 8
      "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",  // p + 1
      "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",  // p
  };
  std::vector<Point> out;
  for (const char* hex : y) {
    out.push_back(point_of(hex));
    out.push_back(out.back());
    out.back()[31] ^= 0x80;
  }
  return out;
}

Scalar draw_scalar(Random& random) {
  std::array<unsigned char, 64> wide{};
  random.fill(std::as_writable_bytes(std::span(wide)));
  Scalar out{};
  crypto_core_ed25519_scalar_reduce(out.data(), wide.data());
  return out;
}
Point times_base(const Scalar& scalar) {
  Point out{};
  WRIT_ASSERT(crypto_scalarmult_ed25519_base_noclamp(out.data(), scalar.data()) == 0);
  return out;
}
// Both, or the first alone when the second is no point that libsodium adds.
Point plus(const Point& a, const Point& b) {
  Point out{};
  if (crypto_core_ed25519_add(out.data(), a.data(), b.data()) != 0) return a;
  return out;
}
// s = r + H(R, A, message)·a
Scalar answer(const Point& R, const Point& A, Bytes message, const Scalar& r, const Scalar& a) {
  crypto_hash_sha512_state state;
  crypto_hash_sha512_init(&state);
  crypto_hash_sha512_update(&state, R.data(), R.size());
  crypto_hash_sha512_update(&state, A.data(), A.size());
  crypto_hash_sha512_update(&state, reinterpret_cast<const unsigned char*>(message.data()),
                            message.size());
  std::array<unsigned char, 64> hash{};
  crypto_hash_sha512_final(&state, hash.data());
  Scalar k{}, product{}, s{};
  crypto_core_ed25519_scalar_reduce(k.data(), hash.data());
  crypto_core_ed25519_scalar_mul(product.data(), k.data(), a.data());
  crypto_core_ed25519_scalar_add(s.data(), r.data(), product.data());
  return s;
}
ByteVec joined(const auto& a, const auto& b) {
  ByteVec out = to_vec(bytes_of(a));
  append(out, bytes_of(b));
  return out;
}

// s + L, which an encoding of 256 bits still holds.
Scalar beyond(const Scalar& s) {
  const Point order = point_of("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");
  Scalar out{};
  unsigned carry = 0;
  for (std::size_t i = 0; i < out.size(); ++i) {
    carry += s[i] + 0U + order[i];
    out[i] = static_cast<unsigned char>(carry & 0xffU);
    carry >>= 8U;
  }
  return out;
}

void ed25519(Cases& cases) {
  SeededRandom random(25519);
  const std::vector<Point> small = small_points();
  const Scalar zero{};
  for (std::size_t t = 0; t < small.size(); ++t) {
    for (std::size_t u = 0; u < small.size(); ++u) {
      const std::string which = std::to_string(t) + "," + std::to_string(u);
      const Scalar a = draw_scalar(random);
      const Scalar r = draw_scalar(random);
      const std::string message = "torsion " + which;
      const Bytes m = as_bytes(message);
      // A key and an R that each may have a part of small order.
      const Point A = plus(times_base(a), small[t]);
      const Point R = plus(times_base(r), small[u]);
      const Scalar s = answer(R, A, m, r, a);
      cases.put("mixed order " + which, Algorithm::EdDSA, bytes_of(A), m, joined(R, s));
      cases.put("mixed order, s + L " + which, Algorithm::EdDSA, bytes_of(A), m,
                joined(R, beyond(s)));
      // R of small order alone; a key of small order alone; both.
      const Scalar s_of_key = answer(small[u], A, m, zero, a);
      cases.put("small R " + which, Algorithm::EdDSA, bytes_of(A), m, joined(small[u], s_of_key));
      cases.put("small key " + which, Algorithm::EdDSA, bytes_of(small[t]), m,
                joined(times_base(r), r));
      cases.put("all small " + which, Algorithm::EdDSA, bytes_of(small[t]), m,
                joined(small[u], zero));
    }
  }
  for (int i = 0; i < 100; ++i) {
    const std::string which = std::to_string(i);
    const PrivateKey key = generate_key(Algorithm::EdDSA, random);
    ByteVec message(static_cast<std::size_t>(i));
    random.fill(message);
    ByteVec signature = to_vec(Bytes(sign(key, message).value()));
    cases.put("plain " + which, Algorithm::EdDSA, key.public_key().bytes(), message, signature);
    std::array<std::byte, 2> at{};
    random.fill(at);
    signature[std::to_integer<std::size_t>(at[0]) % 64] ^= std::byte{1} << (i % 8);
    cases.put("bent " + which, Algorithm::EdDSA, key.public_key().bytes(), message, signature);
    ByteVec other = to_vec(key.public_key().bytes());
    other[std::to_integer<std::size_t>(at[1]) % 32] ^= std::byte{1} << (i % 8);
    signature = to_vec(Bytes(sign(key, message).value()));
    cases.put("bent key " + which, Algorithm::EdDSA, other, message, signature);
    random.fill(other);
    cases.put("any key " + which, Algorithm::EdDSA, other, message, signature);
    other.assign(32, std::byte{0xff});
    other[0] = static_cast<std::byte>(0xe0 + i % 32);  // about p
    other[31] = static_cast<std::byte>(i % 2 == 0 ? 0x7f : 0xff);
    cases.put("a key about p " + which, Algorithm::EdDSA, other, message, signature);
  }
}

// The order of P-256 less `by`, and the prime, as 32 bytes.
ByteVec order_less(unsigned by) {
  ByteVec n = from_hex("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551").value();
  n[31] = static_cast<std::byte>(std::to_integer<unsigned>(n[31]) - by);
  return n;
}
// a - b, a >= b.
ByteVec less(ByteVec a, Bytes b) {
  int borrow = 0;
  for (std::size_t i = 32; i-- > 0;) {
    const int digit = std::to_integer<int>(a[i]) - std::to_integer<int>(b[i]) - borrow;
    borrow = digit < 0 ? 1 : 0;
    a[i] = static_cast<std::byte>(digit & 0xff);
  }
  return a;
}

void es256(Cases& cases) {
  SeededRandom random(256);
  const ByteVec prime =
      from_hex("ffffffff00000001000000000000000000000000ffffffffffffffffffffffff").value();
  ByteVec zero(32), one(32), most(32, std::byte{0xff});
  one[31] = std::byte{1};
  for (int i = 0; i < 40; ++i) {
    const std::string which = std::to_string(i);
    const PrivateKey key = generate_key(Algorithm::ES256, random);
    const Bytes xy = key.public_key().bytes();
    ByteVec message(static_cast<std::size_t>(i));
    random.fill(message);
    const Signature signature = sign(key, message).value();
    const ByteVec r = to_vec(Bytes(signature).first(32));
    const ByteVec s = to_vec(Bytes(signature).last(32));
    const auto put = [&](const char* name, const ByteVec& left, const ByteVec& right) {
      ByteVec both = left;
      append(both, right);
      cases.put(name + which, Algorithm::ES256, xy, message, both);
    };
    put("plain ", r, s);
    put("the other s ", r, less(order_less(0), s));
    put("the other r ", less(order_less(0), r), s);
    for (const ByteVec& edge :
         {zero, one, most, prime, order_less(0), order_less(1), order_less(2)}) {
      put("r at an edge ", edge, s);
      put("s at an edge ", r, edge);
      put("both at an edge ", edge, edge);
      ByteVec off = edge;
      append(off, xy.last(32));
      cases.put("x at an edge " + which, Algorithm::ES256, off, message, Bytes(signature));
      off = to_vec(xy.first(32));
      append(off, edge);
      cases.put("y at an edge " + which, Algorithm::ES256, off, message, Bytes(signature));
      off = edge;
      append(off, edge);
      cases.put("x, y at an edge " + which, Algorithm::ES256, off, message, Bytes(signature));
    }
    ByteVec other = to_vec(xy.first(32));
    append(other, less(prime, xy.last(32)));
    cases.put("the other y " + which, Algorithm::ES256, other, message, Bytes(signature));
    other = to_vec(xy);
    other[static_cast<std::size_t>(i)] ^= std::byte{4};
    cases.put("beside the curve " + which, Algorithm::ES256, other, message, Bytes(signature));
    ByteVec bent = to_vec(Bytes(signature));
    bent[static_cast<std::size_t>(i)] ^= std::byte{16};
    cases.put("bent " + which, Algorithm::ES256, xy, message, bent);
  }
}

}  // namespace
}  // namespace writ::crypto

int main(int argc, char** argv) {
  using namespace writ::crypto;
  if (argc != 2 || sodium_init() < 0) return 2;
  Cases cases(argv[1]);
  wycheproof(cases, "ed25519_test.json", Algorithm::EdDSA, false);
  wycheproof(cases, "ecdsa_secp256r1_sha256_test.json", Algorithm::ES256, true);
  wycheproof(cases, "ecdsa_secp256r1_sha256_p1363_test.json", Algorithm::ES256, false);
  ed25519(cases);
  es256(cases);
  return 0;
}
