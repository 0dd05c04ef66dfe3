// A small HTTP server on one address, by default the loopback: libmicrohttpd behind one function.
//
// Requests come from anyone who reaches the address. At most 64 connections at once, each closed
// after 10 s of silence; bodies over `max_body` are answered 413 and not kept. No TLS: a front
// server's. Handlers run on any of a few threads.
//
//   auto server = TRY(HttpServer::start({"127.0.0.1", 0}, 4096, handler));
//
// Thread safety: start and the destructor by one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "witness/witness.h"

namespace writ::serve {

struct HttpRequest {
  std::string method;  // "GET", "HEAD", "POST"; HEAD is answered as GET without the body
  std::string path;    // as sent, without the query
  std::string body;
};
struct HttpAnswer : witness::Answer {
  bool immutable = false;  // may be cached for ever; else for a few seconds at most
};
using Handler = std::function<HttpAnswer(const HttpRequest& request)>;

struct Listen {
  std::string address = "127.0.0.1";  // IPv4
  std::uint16_t port = 0;             // 0: one that is free
};

class HttpServer {
 public:
  static Result<std::unique_ptr<HttpServer>> start(const Listen& listen, std::size_t max_body,
                                                   Handler handler);
  virtual ~HttpServer() = default;
  virtual std::uint16_t port() const = 0;
};

}  // namespace writ::serve
