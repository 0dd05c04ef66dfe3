// Durable appends of 400-byte entries: the ledger against SQLite (WAL, synchronous=FULL) and
// against a bare loop of write and fdatasync, side by side, in rounds; medians.
//
//   ledger_bench [DIRECTORY] [SECONDS PER MEASUREMENT]
#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <mutex>
#include <thread>
#include <vector>

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

Figure durable_appends(const std::string& dir, unsigned writers, double seconds) {
  SeededRandom random(1);
  const crypto::PrivateKey key = crypto::generate_key(crypto::Algorithm::EdDSA, random);
  const SystemClock clock;
  auto store = Store::create(system_storage(), dir, clock, {}, "bench", key, {}).value();
  const Draft draft = entry_of_400_bytes();
  const Figure figure = measure(writers, seconds, [&](unsigned) {
    if (!store->append(draft, Wait::Durable)) std::abort();
  });
  const Time::time_point begin = Time::now();
  if (!store->append(draft, Wait::Durable) || !store->sign_head(key)) std::abort();
  std::printf("    (head over the %llu entries signed in %.0f ms)\n",
              static_cast<unsigned long long>(store->size().get()),
              std::chrono::duration<double, std::milli>(Time::now() - begin).count());
  std::vector<double> heads;
  for (int i = 0; i < 20; ++i) {
    const Time::time_point from = Time::now();
    if (!store->append(draft, Wait::Written) || !store->sign_head(key)) std::abort();
    heads.push_back(std::chrono::duration<double, std::milli>(Time::now() - from).count());
  }
  std::sort(heads.begin(), heads.end());
  std::printf("    (appended to provable: p50 %.2f ms, worst of 20 %.2f ms)\n", heads[10],
              heads[19]);
  return figure;
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

void print(const char* name, unsigned writers, std::vector<Figure> figures) {
  std::sort(figures.begin(), figures.end(),
            [](const Figure& a, const Figure& b) { return a.rate < b.rate; });
  const Figure& f = figures[figures.size() / 2];
  std::printf("%-24s %4u writers  %9.0f /s   p50 %8.0f us   p99 %8.0f us\n", name, writers, f.rate,
              f.p50, f.p99);
}

}  // namespace

int main(int argc, char** argv) {
  const std::string base = argc > 1 ? argv[1] : std::filesystem::temp_directory_path().string();
  const double seconds = argc > 2 ? std::atof(argv[2]) : 1.0;
  std::string dir = base + "/writ-ledger-bench-XXXXXX";
  if (mkdtemp(dir.data()) == nullptr) return 125;
  constexpr unsigned kRounds = 3;
  unsigned number = 0;
  const auto fresh = [&] { return dir + "/" + std::to_string(number++); };
  for (const unsigned writers : {1U, 8U, 64U, 512U}) {
    std::vector<Figure> ours;
    std::vector<Figure> theirs;
    std::vector<Figure> limit;
    for (unsigned round = 0; round < kRounds; ++round) {
      ours.push_back(durable_appends(fresh(), writers, seconds));
      theirs.push_back(sqlite_commits(fresh(), writers, seconds));
      if (writers == 1) limit.push_back(bare(fresh(), seconds));
    }
    print("ledger", writers, ours);
    print("sqlite WAL FULL", writers, theirs);
    if (writers == 1) print("append + fdatasync", 1, limit);
  }
  Frontier tree;
  const ByteVec entry(400, std::byte{'e'});
  const Figure hashing = measure(1, seconds, [&](unsigned) {
    for (int i = 0; i < 1000; ++i) tree.push(leaf_hash(entry));
  });
  std::printf("hashing, one core: %.2f M entries/s\n", hashing.rate / 1000);
  std::filesystem::remove_all(dir);
  return 0;
}
