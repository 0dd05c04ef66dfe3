#include "writ-serve/http_client.h"

#include <curl/curl.h>

#include <memory>

namespace writ::serve {
namespace {

constexpr long kMillis = 10'000;

struct Received {
  std::string body;
  std::size_t limit = 0;
};

std::size_t take(char* data, std::size_t size, std::size_t count, void* to) {
  auto& received = *static_cast<Received*>(to);
  if (size * count > received.limit - received.body.size()) return 0;  // ends the transfer
  received.body.append(data, size * count);
  return size * count;
}

Result<witness::Answer> exchange(const std::string& url, const std::string* body,
                                 std::size_t limit) {
  const std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> curl(curl_easy_init(),
                                                                 &curl_easy_cleanup);
  if (curl == nullptr) return Error(Code::Internal, "no HTTP client");
  Received received{{}, limit};
  curl_easy_setopt(curl.get(), CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl.get(), CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(curl.get(), CURLOPT_TIMEOUT_MS, kMillis);
  curl_easy_setopt(curl.get(), CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl.get(), CURLOPT_WRITEFUNCTION, &take);
  curl_easy_setopt(curl.get(), CURLOPT_WRITEDATA, &received);
  std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)> headers(nullptr,
                                                                      &curl_slist_free_all);
  if (body != nullptr) {
    headers.reset(curl_slist_append(nullptr, "Content-Type: text/plain; charset=utf-8"));
    curl_easy_setopt(curl.get(), CURLOPT_HTTPHEADER, headers.get());
    curl_easy_setopt(curl.get(), CURLOPT_POSTFIELDS, body->data());
    curl_easy_setopt(curl.get(), CURLOPT_POSTFIELDSIZE_LARGE,
                     static_cast<curl_off_t>(body->size()));
  }
  const CURLcode done = curl_easy_perform(curl.get());
  if (done != CURLE_OK) {
    return Error(Code::Unavailable, printable(url) + ": " + curl_easy_strerror(done));
  }
  long status = 0;
  curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &status);
  return witness::Answer{static_cast<int>(status), std::move(received.body), {}};
}

}  // namespace

Result<witness::Answer> http_post(const std::string& url, const std::string& body) {
  return exchange(url, &body, 64U * 1024);
}
Result<witness::Answer> http_get(const std::string& url) {
  return exchange(url, nullptr, 1024U * 1024);
}

}  // namespace writ::serve
