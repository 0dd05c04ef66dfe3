#include "writ-serve/http_server.h"

#include <arpa/inet.h>
#include <microhttpd.h>
#include <netinet/in.h>

namespace writ::serve {
namespace {

constexpr unsigned kConnections = 64;
constexpr unsigned kSilence = 10;  // seconds
constexpr unsigned kThreads = 4;
constexpr std::size_t kConnectionMemory = 64 * 1024;

// One request while its body comes in.
struct Incoming {
  HttpRequest request;
  bool too_large = false;
};

class ServerImpl final : public HttpServer {
 public:
  ServerImpl(std::size_t max_body, Handler handler)
      : max_body_(max_body), handler_(std::move(handler)) {}
  ~ServerImpl() override {
    if (daemon_ != nullptr) MHD_stop_daemon(daemon_);
  }
  Result<void> listen(const Listen& where);
  std::uint16_t port() const override { return port_; }

 private:
  static MHD_Result on_request(void* self, MHD_Connection* connection, const char* url,
                               const char* method, const char* version, const char* upload,
                               std::size_t* upload_size, void** state);
  static void on_done(void*, MHD_Connection*, void** state, MHD_RequestTerminationCode) {
    delete static_cast<Incoming*>(*state);
    *state = nullptr;
  }
  static MHD_Result respond(MHD_Connection* connection, const HttpAnswer& answer);

  const std::size_t max_body_;
  const Handler handler_;
  MHD_Daemon* daemon_ = nullptr;
  std::uint16_t port_ = 0;
};

MHD_Result ServerImpl::respond(MHD_Connection* connection, const HttpAnswer& answer) {
  MHD_Response* response = MHD_create_response_from_buffer(
      answer.body.size(), const_cast<char*>(answer.body.data()), MHD_RESPMEM_MUST_COPY);
  if (response == nullptr) return MHD_NO;
  (void)MHD_add_response_header(response, "Content-Type", answer.type.c_str());
  (void)MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
  (void)MHD_add_response_header(
      response, "Cache-Control",
      answer.immutable ? "public, max-age=31536000, immutable" : "no-cache");
  const MHD_Result queued =
      MHD_queue_response(connection, static_cast<unsigned>(answer.status), response);
  MHD_destroy_response(response);
  return queued;
}

MHD_Result ServerImpl::on_request(void* self, MHD_Connection* connection, const char* url,
                                  const char* method, const char*, const char* upload,
                                  std::size_t* upload_size, void** state) {
  auto& server = *static_cast<ServerImpl*>(self);
  if (*state == nullptr) {
    *state = new Incoming{{method, url, {}}, false};
    return MHD_YES;
  }
  auto& incoming = *static_cast<Incoming*>(*state);
  if (*upload_size > 0) {
    incoming.too_large |= *upload_size > server.max_body_ - incoming.request.body.size();
    if (!incoming.too_large) incoming.request.body.append(upload, *upload_size);
    *upload_size = 0;
    return MHD_YES;
  }
  HttpAnswer answer;
  if (incoming.too_large) {
    answer.status = 413;
    answer.body = "too large\n";
  } else {
    answer = server.handler_(incoming.request);
  }
  return respond(connection, answer);
}

Result<void> ServerImpl::listen(const Listen& where) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(where.port);
  if (::inet_pton(AF_INET, where.address.c_str(), &address.sin_addr) != 1) {
    return Error(Code::InvalidArgument, "`" + printable(where.address) + "` is no IPv4 address");
  }
  daemon_ = MHD_start_daemon(
      MHD_USE_INTERNAL_POLLING_THREAD, where.port, nullptr, nullptr, &ServerImpl::on_request, this,
      MHD_OPTION_SOCK_ADDR, &address, MHD_OPTION_CONNECTION_LIMIT, kConnections,
      MHD_OPTION_CONNECTION_TIMEOUT, kSilence, MHD_OPTION_THREAD_POOL_SIZE, kThreads,
      MHD_OPTION_CONNECTION_MEMORY_LIMIT, kConnectionMemory, MHD_OPTION_NOTIFY_COMPLETED,
      &ServerImpl::on_done, nullptr, MHD_OPTION_END);
  if (daemon_ == nullptr) {
    return Error(Code::Unavailable, "cannot listen on " + where.address + ":" +
                                        std::to_string(where.port) + " (is it in use?)");
  }
  const MHD_DaemonInfo* info = MHD_get_daemon_info(daemon_, MHD_DAEMON_INFO_BIND_PORT);
  port_ = info != nullptr ? info->port : where.port;
  return {};
}

}  // namespace

Result<std::unique_ptr<HttpServer>> HttpServer::start(const Listen& listen, std::size_t max_body,
                                                      Handler handler) {
  auto server = std::make_unique<ServerImpl>(max_body, std::move(handler));
  TRY(server->listen(listen));
  return std::unique_ptr<HttpServer>(std::move(server));
}

}  // namespace writ::serve
