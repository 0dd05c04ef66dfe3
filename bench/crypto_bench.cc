// What one signature, one verification and one digest cost.
#include <benchmark/benchmark.h>

#include "base/random.h"
#include "crypto/keys.h"
#include "crypto/sha.h"

namespace writ::crypto {
namespace {

// A Sig_structure of a small permit.
constexpr std::size_t kMessage = 400;

PrivateKey key_for(benchmark::State& state) {
  SeededRandom random(1);
  const auto algorithm = static_cast<Algorithm>(state.range(0));
  state.SetLabel(std::string(algorithm_name(algorithm)));
  return generate_key(algorithm, random);
}

void sign_message(benchmark::State& state) {
  const PrivateKey key = key_for(state);
  const ByteVec message(kMessage, std::byte{'m'});
  for (auto _ : state) benchmark::DoNotOptimize(sign(key, message).has_value());
}

void verify_message(benchmark::State& state) {
  const PrivateKey key = key_for(state);
  const ByteVec message(kMessage, std::byte{'m'});
  const Signature signature = sign(key, message).value();
  for (auto _ : state) {
    if (!check_signature(key.public_key(), message, signature)) state.SkipWithError("refused");
  }
}

void read_public_key(benchmark::State& state) {
  const PrivateKey key = key_for(state);
  const ByteVec bytes = to_vec(key.public_key().bytes());
  for (auto _ : state) {
    benchmark::DoNotOptimize(PublicKey::create(key.algorithm(), bytes).has_value());
  }
}

void digest(benchmark::State& state) {
  const ByteVec bytes(static_cast<std::size_t>(state.range(0)), std::byte{'d'});
  for (auto _ : state) benchmark::DoNotOptimize(sha256(bytes));
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) * state.range(0));
}

// A file as the exec gate reads it.
void digest_in_pieces(benchmark::State& state) {
  const ByteVec piece(64 * 1024, std::byte{'d'});
  for (auto _ : state) {
    Sha256 hash;
    for (int i = 0; i < 16; ++i) hash.update(piece);
    benchmark::DoNotOptimize(hash.finish());
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * 16 * piece.size()));
}

const int kEd = static_cast<int>(Algorithm::EdDSA);
const int kEc = static_cast<int>(Algorithm::ES256);
BENCHMARK(sign_message)->Name("Sign")->Arg(kEd)->Arg(kEc);
BENCHMARK(verify_message)->Name("CheckSignature")->Arg(kEd)->Arg(kEc);
BENCHMARK(read_public_key)->Name("ReadPublicKey")->Arg(kEd)->Arg(kEc);
BENCHMARK(digest)->Name("Sha256")->Arg(32)->Arg(65)->Arg(4096)->Arg(1 << 20);
BENCHMARK(digest_in_pieces)->Name("Sha256InPieces/1MiB");

}  // namespace
}  // namespace writ::crypto

BENCHMARK_MAIN();
