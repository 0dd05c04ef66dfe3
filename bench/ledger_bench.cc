// The ledger's measurements, as JSON for bench/ledger.py.
//
//   ledger_bench appends DIRECTORY SECONDS   durable appends of 400-byte entries by 1 to 512
//   writers:
//                                            the ledger, SQLite (WAL, synchronous=FULL), and a bare
//                                            loop of write and fdatasync, in turn
//   ledger_bench grow DIRECTORY ENTRIES      makes a log of so many entries, or goes on with it
//   ledger_bench look DIRECTORY              opens, proves, verifies that log
#include <fcntl.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <mutex>
#include <random>
#include <string_view>
#include <thread>
#include <vector>

#include "base/durable_faults.h"
#include "base/random.h"
#include "crypto/keys.h"
#include "crypto/sha.h"
#include "ledger/store/reader.h"
#include "ledger/store/store.h"
#include "ledger/tree.h"

namespace {

using namespace writ;
using namespace writ::ledger;
using Time = std::chrono::steady_clock;

struct Figure {
  double rate = 0;  // a second
  double p50 = 0;   // microseconds
  double p99 = 0;
};

// Runs `act` in `writers` threads for `seconds` and times each call.
template <typename Act>
Figure measure(unsigned writers, double seconds, Act&& act) {
  std::vector<std::vector<double>> times(writers);
  std::vector<std::thread> threads;
  const Time::time_point start = Time::now();
  for (unsigned w = 0; w < writers; ++w) {
    threads.emplace_back([&, w] {
      while (std::chrono::duration<double>(Time::now() - start).count() < seconds) {
        const Time::time_point begin = Time::now();
        act(w);
        times[w].push_back(std::chrono::duration<double, std::micro>(Time::now() - begin).count());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  const double elapsed = std::chrono::duration<double>(Time::now() - start).count();
  std::vector<double> all;
  for (const auto& some : times) all.insert(all.end(), some.begin(), some.end());
  std::sort(all.begin(), all.end());
  return {static_cast<double>(all.size()) / elapsed, all[all.size() / 2],
          all[all.size() * 99 / 100]};
}

Draft entry_of_400_bytes() {
  const auto digest = [](std::string_view text) { return crypto::sha256(as_bytes(text)); };
  RunId::rep run{};
  run[0] = std::byte{1};
  Exec exec;
  exec.pid = 7;
  exec.path = "/usr/lib/gcc/x86_64-linux-gnu/12/cc1plus";
  exec.script = digest("script");
  exec.argv = exec.env = exec.cwd = exec.file = digest("value");
  Event event = make_event({RunId(run), Seq(1)}, EventId{RunId(run), Seq(0)},
                           PermitAuthority{PermitId(digest("permit").get()), digest("decision")},
                           std::move(exec))
                    .value();
  return {std::move(event), {}};
}

double millis_since(Time::time_point begin) {
  return std::chrono::duration<double, std::milli>(Time::now() - begin).count();
}
[[noreturn]] void give_up(const Error& error) {
  std::fprintf(stderr, "ledger_bench: %s\n", error.message().c_str());
  std::exit(1);
}

crypto::PrivateKey log_key() {
  SeededRandom random(1);
  return crypto::generate_key(crypto::Algorithm::EdDSA, random);
}

// How long a new entry takes until it is under a signed head.
std::vector<double> to_provable(Store& store, const crypto::PrivateKey& key, int times) {
  std::vector<double> heads;
  for (int i = 0; i < times; ++i) {
    const Time::time_point from = Time::now();
    const auto ticket = store.append(entry_of_400_bytes(), Wait::Durable);
    if (!ticket) give_up(ticket.error());
    const auto head = store.sign_head(key);
    if (!head) give_up(head.error());
    if (head->size.get() <= ticket->first.get()) std::abort();
    heads.push_back(millis_since(from));
  }
  std::sort(heads.begin(), heads.end());
  return heads;
}

struct Appends {
  Figure figure;
  std::vector<double> provable;  // ms, while the writers go on
};

Appends durable_appends(const std::string& dir, unsigned writers, double seconds) {
  const crypto::PrivateKey key = log_key();
  const SystemClock clock;
  auto store = Store::create(system_storage(), dir, clock, {}, "bench", key, {}).value();
  const Draft draft = entry_of_400_bytes();
  const auto append = [&](unsigned) {
    if (!store->append(draft, Wait::Durable)) std::abort();
  };
  Appends done;
  done.figure = measure(writers, seconds, append);
  if (!store->sign_head(key)) std::abort();
  std::thread others([&] { (void)measure(writers, seconds / 2, append); });
  done.provable = to_provable(*store, key, 20);
  others.join();
  return done;
}

Figure sqlite_commits(const std::string& path, unsigned writers, double seconds) {
  sqlite3* db = nullptr;
  if (sqlite3_open(path.c_str(), &db) != SQLITE_OK) std::abort();
  const auto run = [&](const char* sql) {
    if (sqlite3_exec(db, sql, nullptr, nullptr, nullptr) != SQLITE_OK) std::abort();
  };
  run("PRAGMA journal_mode=WAL");
  run("PRAGMA synchronous=FULL");
  run("CREATE TABLE log (id INTEGER PRIMARY KEY, entry BLOB)");
  sqlite3_stmt* insert = nullptr;
  sqlite3_prepare_v2(db, "INSERT INTO log (entry) VALUES (?)", -1, &insert, nullptr);
  const ByteVec entry(400, std::byte{'e'});
  std::mutex one;  // as a program would: one connection, one commit each
  const Figure figure = measure(writers, seconds, [&](unsigned) {
    const std::lock_guard<std::mutex> hold(one);
    sqlite3_bind_blob(insert, 1, entry.data(), static_cast<int>(entry.size()), SQLITE_STATIC);
    if (sqlite3_step(insert) != SQLITE_DONE) std::abort();
    sqlite3_reset(insert);
  });
  sqlite3_finalize(insert);
  sqlite3_close(db);
  return figure;
}

Figure bare(const std::string& path, double seconds) {
  const int fd = ::open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600);
  const ByteVec entry(400, std::byte{'e'});
  const Figure figure = measure(1, seconds, [&](unsigned) {
    if (::write(fd, entry.data(), entry.size()) < 0 || ::fdatasync(fd) != 0) std::abort();
  });
  ::close(fd);
  return figure;
}

Figure median(std::vector<Figure> figures) {
  std::sort(figures.begin(), figures.end(),
            [](const Figure& a, const Figure& b) { return a.rate < b.rate; });
  return figures[figures.size() / 2];
}
void print(const char* name, const Figure& f, const char* end) {
  std::printf("\"%s\":{\"rate\":%.1f,\"p50\":%.1f,\"p99\":%.1f}%s", name, f.rate, f.p50, f.p99,
              end);
}

void appends(const std::string& base, double seconds) {
  std::string dir = base + "/writ-ledger-bench-XXXXXX";
  if (mkdtemp(dir.data()) == nullptr) std::exit(125);
  constexpr unsigned kRounds = 5;
  unsigned number = 0;
  const auto fresh = [&] { return dir + "/" + std::to_string(number++); };
  std::printf("{\"writers\":{");
  for (const unsigned writers : {1U, 8U, 64U, 512U}) {
    std::vector<Figure> ours, theirs, limit;
    std::vector<double> provable;
    for (unsigned round = 0; round < kRounds; ++round) {
      limit.push_back(bare(fresh(), seconds));
      Appends done = durable_appends(fresh(), writers, seconds);
      ours.push_back(done.figure);
      provable.insert(provable.end(), done.provable.begin(), done.provable.end());
      theirs.push_back(sqlite_commits(fresh(), writers, seconds));
      std::filesystem::remove_all(dir);
      std::filesystem::create_directory(dir);
    }
    std::sort(provable.begin(), provable.end());
    std::printf("\"%u\":{", writers);
    print("ledger", median(ours), ",");
    print("sqlite", median(theirs), ",");
    print("bare", median(limit), ",");
    std::printf("\"provable\":{\"p50\":%.2f,\"worst\":%.2f}}%s", provable[provable.size() / 2],
                provable.back(), writers == 512 ? "" : ",");
  }
  Frontier tree;
  const ByteVec entry(400, std::byte{'e'});
  const Figure hashing = measure(1, seconds, [&](unsigned) {
    for (int i = 0; i < 1000; ++i) tree.push(leaf_hash(entry));
  });
  std::printf("},\"hashed\":%.0f}\n", hashing.rate * 1000);
  std::filesystem::remove_all(dir);
}

// The n-th entry after the genesis entry: runs of a hundred, of the shortest events there are.
Draft nth(std::uint64_t n) {
  const std::uint64_t seq = n % 100;
  RunId::rep rep{};
  rep[0] = std::byte{1};
  for (unsigned i = 0; i < 8; ++i) rep[15 - i] = static_cast<std::byte>(n / 100 >> (8 * i) & 0xff);
  const RunId run(rep);
  const PermitAuthority permit{PermitId(crypto::sha256(as_bytes("p")).get()),
                               crypto::sha256(as_bytes("d"))};
  const EventId before = seq == 0 ? kGenesisEvent : EventId{run, Seq(seq - 1)};
  Body body;
  if (seq == 0) {
    Admission one;
    one.domain = "default";
    one.chain = {permit.permit};
    one.tier = "sandbox";
    one.host = "h";
    one.command = "/c";
    body = std::move(one);
  } else if (seq == 99) {
    End end;
    end.counts = {98, 98, 0, 0, 0, 0, 0};
    body = end;
  } else {
    Refusal refusal;
    refusal.gate = "exec";
    body = refusal;
  }
  return {make_event({run, Seq(seq)}, before, permit, std::move(body)).value(), {}};
}

void grow(const std::string& dir, std::uint64_t entries) {
  const crypto::PrivateKey key = log_key();
  const SystemClock clock;
  auto store = std::filesystem::exists(dir)
                   ? Store::open(system_storage(), dir, clock, {})
                   : Store::create(system_storage(), dir, clock, {}, "bench", key, {});
  if (!store) give_up(store.error());
  const Time::time_point begin = Time::now();
  const std::uint64_t from = (*store)->size().get();
  for (std::uint64_t at = from; at < entries;) {
    std::vector<Draft> batch;
    for (; at < entries && batch.size() < 2'000; ++at) batch.push_back(nth(at - 1));
    if (const auto done = (*store)->append(std::move(batch), Wait::Written); !done) {
      give_up(done.error());
    }
    if (at % 100'000 == 0 || at >= entries) {
      if (const auto head = (*store)->sign_head(key); !head) give_up(head.error());
    }
  }
  std::printf("{\"entries\":%llu,\"appended\":%llu,\"millis\":%.1f}\n",
              static_cast<unsigned long long>(entries),
              static_cast<unsigned long long>(entries - std::min(from, entries)),
              millis_since(begin));
}

void look(const std::string& dir) {
  const SystemClock clock;
  const auto open = [&](Storage& storage) {
    const Time::time_point begin = Time::now();
    auto store = Store::open(storage, dir, clock, {});
    if (!store) give_up(store.error());
    return millis_since(begin);
  };
  const double same = open(system_storage());
  double restarted = 0;
  {
    FaultStorage storage(system_storage());
    storage.pretend_boot("another");
    restarted = open(storage);
  }
  (void)open(system_storage());
  std::uint64_t bytes = 0, files = 0;
  for (const auto& file : std::filesystem::recursive_directory_iterator(dir + "/ledger")) {
    struct stat info {};
    if (!file.is_regular_file() || ::stat(file.path().c_str(), &info) != 0) continue;
    bytes += static_cast<std::uint64_t>(info.st_blocks) * 512;
    ++files;
  }
  auto reader = LedgerReader::open(system_storage(), dir).value();
  const std::uint64_t entries = reader->head()->size.get();
  std::mt19937_64 random(1);
  std::vector<double> proofs;
  std::uint64_t length = 0;
  for (int i = 0; i < 2'000; ++i) {
    const LeafIndex index(random() % entries);
    const Time::time_point begin = Time::now();
    const auto proof = reader->prove(index);
    proofs.push_back(millis_since(begin) * 1000);
    if (!proof) give_up(proof.error());
    length += proof->entry.size();
  }
  std::sort(proofs.begin(), proofs.end());
  const Time::time_point begin = Time::now();
  VerifyOptions options;
  options.log_key = reader->log_key();
  const VerifyReport report = verify_log(*reader, options);
  const double verified = millis_since(begin);
  if (!report.ok()) {
    std::fprintf(stderr, "ledger_bench: %s\n", report.findings.front().message.c_str());
    std::exit(1);
  }
  rusage usage{};
  (void)::getrusage(RUSAGE_SELF, &usage);
  std::printf(
      "{\"entries\":%llu,\"open\":%.2f,\"restarted\":%.2f,\"prove_p50\":%.1f,\"prove_p99\":%.1f,"
      "\"verify\":%.1f,\"memory\":%ld,\"bytes\":%llu,\"files\":%llu,\"length\":%.1f}\n",
      static_cast<unsigned long long>(entries), same, restarted, proofs[1'000], proofs[1'980],
      verified, usage.ru_maxrss, static_cast<unsigned long long>(bytes),
      static_cast<unsigned long long>(files), static_cast<double>(length) / 2'000);
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view verb = argc > 2 ? argv[1] : "";
  if (verb == "appends" && argc == 4) {
    appends(argv[2], std::atof(argv[3]));
  } else if (verb == "grow" && argc == 4) {
    grow(argv[2], std::strtoull(argv[3], nullptr, 10));
  } else if (verb == "look" && argc == 3) {
    look(argv[2]);
  } else {
    std::fprintf(stderr, "ledger_bench appends|grow|look DIRECTORY [SECONDS|ENTRIES]\n");
    return 2;
  }
  return 0;
}
