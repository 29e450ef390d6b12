#include "tests/integration/balancer/harness.h"

#include "balancer/proxy/balancer.h"
#include "ipc/response_record.h"

#include <catch2/catch.hpp>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <stdexcept>
#include <utility>

namespace fettle::test {

namespace {

constexpr std::uint32_t kBalancerIncarnation = 7;

std::string lower(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return text;
}

void require(bool condition, const char* what) {
    if (!condition) {
        throw std::runtime_error(what);
    }
}

int remaining_ms(std::chrono::steady_clock::time_point until) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
    return static_cast<int>(std::max<std::int64_t>(0, left.count()));
}

Fd listen_on_loopback(std::uint16_t& port) {
    Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    require(::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0, "bind");
    require(::listen(socket.get(), 128) == 0, "listen");
    socklen_t length = sizeof(address);
    require(::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &length) == 0, "getsockname");
    port = ntohs(address.sin_port);
    return socket;
}

sockaddr_un unix_address(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    require(path.size() < sizeof(address.sun_path), "the path of a socket is too long");
    std::memcpy(address.sun_path, path.data(), path.size());
    return address;
}

Fd listen_on_path(const std::string& path) {
    Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const sockaddr_un address = unix_address(path);
    require(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0, "bind");
    require(::listen(socket.get(), 128) == 0, "listen");
    return socket;
}

}  // namespace

bool wait_until(const std::function<bool()>& condition, std::chrono::milliseconds patience) {
    const auto until = std::chrono::steady_clock::now() + patience;
    while (!condition()) {
        if (std::chrono::steady_clock::now() >= until) {
            return false;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return true;
}

std::string get(std::string_view path, std::string_view more_headers) {
    return "GET " + std::string(path) + " HTTP/1.1\r\nHost: test\r\n" + std::string(more_headers) + "\r\n";
}

// ---- Client

Client::Client(std::uint16_t port, int receive_buffer) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    if (receive_buffer > 0) {
        require(::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof(receive_buffer)) == 0,
                "SO_RCVBUF");
    }
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    require(::connect(socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0, "connect");
}

Client::Client(const std::string& unix_path) : socket_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const sockaddr_un address = unix_address(unix_path);
    require(::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0, "connect");
}

void Client::send(std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t sent = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent < 0) {
            return;  // the balancer has closed: the test sees it when it reads
        }
        bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
}

std::size_t Client::send_until_stuck(std::string_view bytes, std::chrono::milliseconds pause) {
    std::size_t total = 0;
    while (total < bytes.size()) {
        pollfd entry{.fd = socket_.get(), .events = POLLOUT, .revents = 0};
        if (::poll(&entry, 1, static_cast<int>(pause.count())) <= 0) {
            break;
        }
        const ssize_t sent =
                ::send(socket_.get(), bytes.data() + total, bytes.size() - total, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0) {
            break;
        }
        total += static_cast<std::size_t>(sent);
    }
    return total;
}

bool Client::fill() {
    pollfd entry{.fd = socket_.get(), .events = POLLIN, .revents = 0};
    require(::poll(&entry, 1, static_cast<int>(std::chrono::milliseconds(kPatience).count())) == 1,
            "the balancer sent nothing for too long");
    char bytes[65536];
    const ssize_t got = ::recv(socket_.get(), bytes, sizeof(bytes), 0);
    if (got <= 0) {
        was_reset_ = got < 0;
        return false;
    }
    buffer_.append(bytes, static_cast<std::size_t>(got));
    return true;
}

std::string Client::receive_until(std::string_view end) {
    std::size_t found = 0;
    while ((found = buffer_.find(end)) == std::string::npos) {
        if (!fill()) {
            return std::exchange(buffer_, {});
        }
    }
    std::string text = buffer_.substr(0, found + end.size());
    buffer_.erase(0, found + end.size());
    return text;
}

Response Client::receive(bool head_request) {
    Response response;
    response.head = receive_until("\r\n\r\n");
    if (response.head.size() < 12 || response.head.substr(response.head.size() - 4) != "\r\n\r\n") {
        return {};
    }
    for (std::size_t start = response.head.find("\r\n") + 2; start + 2 < response.head.size();) {
        const std::size_t end = response.head.find("\r\n", start);
        const std::size_t colon = response.head.find(':', start);
        response.headers[lower(response.head.substr(start, colon - start))] =
                response.head.substr(colon + 2, end - colon - 2);
        start = end + 2;
    }
    const int status = std::stoi(response.head.substr(9, 3));
    if (head_request || status == 204 || status == 304 || status < 200) {
        response.status = status;
        return response;
    }
    if (const auto length = response.headers.find("content-length"); length != response.headers.end()) {
        const std::size_t bytes = std::stoul(length->second);
        while (buffer_.size() < bytes) {
            if (!fill()) {
                return {};
            }
        }
        response.body = buffer_.substr(0, bytes);
        buffer_.erase(0, bytes);
    } else if (response.headers.count("transfer-encoding") > 0) {
        while (true) {
            const std::string line = receive_until("\r\n");
            if (line.size() < 3) {
                return {};
            }
            const std::size_t bytes = std::stoul(line, nullptr, 16);
            while (buffer_.size() < bytes + 2) {
                if (!fill()) {
                    return {};
                }
            }
            response.body += buffer_.substr(0, bytes);
            buffer_.erase(0, bytes + 2);
            if (bytes == 0) {
                break;
            }
        }
    } else if (!receive_to_end(response.body)) {
        return {};
    }
    response.status = status;
    return response;
}

bool Client::receive_to_end(std::string& bytes) {
    while (fill()) {
    }
    bytes += std::exchange(buffer_, {});
    return !was_reset_;
}

bool Client::readable() const {
    pollfd entry{.fd = socket_.get(), .events = POLLIN, .revents = 0};
    return ::poll(&entry, 1, 0) == 1;
}

bool Client::ended() {
    std::string ignored;
    (void)receive_to_end(ignored);
    return true;
}

void Client::reset() {
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    (void)::setsockopt(socket_.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    socket_.reset();
}

void Client::finish_sending() {
    require(::shutdown(socket_.get(), SHUT_WR) == 0, "the client cannot close its side");
}

// ---- ManualWorker

ManualWorker::ManualWorker(ipc::WorkerId id, ipc::ChannelFds fds, const ipc::WorkerPrepared& prepared) : id_(id) {
    auto set = ipc::WorkerChannelSet::map(std::move(fds),
                                          {
                                                  .seat = id.seat,
                                                  .worker_incarnation = id.incarnation,
                                                  .balancer_incarnation = prepared.balancer_incarnation,
                                          },
                                          {.threads = prepared.threads, .lanes = prepared.lanes});
    require(set.has_value(), "a worker cannot map its channels");
    set_ = std::move(*set);
}

bool ManualWorker::has_request(std::chrono::milliseconds patience) {
    const auto until = std::chrono::steady_clock::now() + patience;
    do {
        for (std::uint32_t lane = 0; lane < set_->geometry().lanes; ++lane) {
            for (std::uint32_t thread = 0; thread < set_->geometry().threads; ++thread) {
                const auto message = set_->lane(lane).channel(thread).peek();
                if (message && message->kind == ipc::RequestKind::Request) {
                    use(lane, thread);
                    return true;
                }
                if (message && published_.count({lane, thread, message->key.sequence}) == 0) {
                    set_->lane(lane).channel(thread).pop();  // of a request that has ended
                }
            }
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(patience.count() > 0 ? 1 : 0));
    } while (std::chrono::steady_clock::now() < until);
    return false;
}

ManualWorker::Request ManualWorker::next() {
    require(has_request(kPatience), "no request came");
    const auto message = channel().peek();
    const ipc::RequestView view(message->payload);
    require(view.valid(), "the request's record is broken");
    Request request{.key = message->key,
                    .method = std::string(view.text(view.record().method)),
                    .path = std::string(view.text(view.record().path)),
                    .query = std::string(view.text(view.record().query)),
                    .headers = {},
                    .body = std::string(view.text(view.record().body)),
                    .body_length = view.record().body_length,
                    .client_address = std::string(view.text(view.record().client_address)),
                    .client_port = view.record().client_port,
                    .server_name = std::string(view.text(view.record().server_name)),
                    .server_port = view.record().server_port,
                    .https = view.record().https != 0,
                    .request_id = std::string(view.text(view.record().request_id)),
                    .whole = message->last,
                    .lane = lane_,
                    .thread = thread_};
    for (const ipc::HeaderEntry& header : view.headers()) {
        request.headers.emplace(view.text(header.name), view.text(header.value));
    }
    channel().pop();
    published_[name(request)] = 0;
    return request;
}

bool ManualWorker::claim(const Request& request) {
    use(request.lane, request.thread);
    const bool claimed = channel().claim(request.key);
    if (!claimed) {
        published_.erase(name(request));
        lane().notify(thread_);
    }
    return claimed;
}

ManualWorker::Request ManualWorker::take() {
    while (true) {
        Request request = next();
        if (claim(request)) {
            return request;
        }
    }
}

std::optional<std::string> ManualWorker::read_body(const Request& request) {
    use(request.lane, request.thread);
    std::string body = request.body;
    bool last = request.whole;
    while (!last) {
        if (auto message = channel().peek()) {
            require(message->key == request.key, "a piece of another request");
            if (message->kind == ipc::RequestKind::Abort) {
                channel().pop();
                return std::nullopt;
            }
            body.append(reinterpret_cast<const char*>(message->payload.data()), message->payload.size());
            last = message->last;
            channel().pop();
            continue;
        }
        lane().about_to_sleep(ipc::LaneSleep::Blocked);
        if (channel().peek()) {
            lane().awake();
        } else {
            (void)lane().block();
        }
    }
    return body;
}

void ManualWorker::publish(const Request& request, ipc::ResponseKind kind, bool last) {
    use(request.lane, request.thread);
    if (last) {
        published_.erase(name(request));
    }
    channel().publish(request.key, kind, 0, last, last ? app_ns : 0);
    lane().notify(thread_);
}

void ManualWorker::head(const Request& request, int status,
                        const std::vector<std::pair<std::string, std::string>>& headers, std::string_view body,
                        bool last) {
    use(request.lane, request.thread);
    std::size_t headers_bytes = 0;
    for (const auto& [name, value] : headers) {
        headers_bytes += name.size() + value.size();
    }
    const std::size_t bytes = ipc::response_record_bytes(headers.size(), 0, headers_bytes, body.size());
    require(wait_until([&] { return channel().writable() >= bytes; }), "no room for a response head");
    std::byte* out = channel().reserve(static_cast<std::uint32_t>(bytes)).data();
    const auto put = [&out](const void* from, std::size_t count) {
        std::memcpy(out, from, count);
        out += count;
    };
    const ipc::ResponseRecord record{
            .status = static_cast<std::uint16_t>(status),
            .header_count = static_cast<std::uint16_t>(headers.size()),
            .reason_bytes = 0,
            .headers_bytes = static_cast<std::uint32_t>(headers_bytes),
            .body_bytes = static_cast<std::uint32_t>(body.size()),
    };
    put(&record, sizeof(record));
    for (const auto& [name, value] : headers) {
        const ipc::HeaderSize size{static_cast<std::uint32_t>(name.size()), static_cast<std::uint32_t>(value.size())};
        put(&size, sizeof(size));
    }
    for (const auto& [name, value] : headers) {
        put(name.data(), name.size());
        put(value.data(), value.size());
    }
    if (!body.empty()) {
        put(body.data(), body.size());
    }
    published_[name(request)] += body.size();
    if (last) {
        published_.erase(name(request));
    }
    channel().publish(request.key, ipc::ResponseKind::Head, static_cast<std::uint32_t>(bytes), last, last ? app_ns : 0);
    lane().notify(thread_);
}

void ManualWorker::respond(const Request& request, std::string_view body, std::string_view type) {
    head(request, 200, {{"Content-Type", std::string(type)}, {"Content-Length", std::to_string(body.size())}}, body,
         true);
}

void ManualWorker::body(const Request& request, std::string_view piece, bool last) {
    use(request.lane, request.thread);
    require(wait_until([&] { return channel().writable() >= std::max<std::size_t>(1, piece.size()); }),
            "no room for a piece of a body");
    if (!piece.empty()) {
        std::memcpy(channel().reserve(static_cast<std::uint32_t>(piece.size())).data(), piece.data(), piece.size());
    }
    published_[name(request)] += piece.size();
    if (last) {
        published_.erase(name(request));
    }
    channel().publish(request.key, ipc::ResponseKind::Body, static_cast<std::uint32_t>(piece.size()), last, 0);
    lane().notify(thread_);
}

std::size_t ManualWorker::stream(const Request& request, std::string_view bytes, const std::function<bool()>& stop) {
    constexpr std::size_t kPiece = 100'000;
    use(request.lane, request.thread);
    std::size_t sent = 0;
    while (sent < bytes.size()) {
        const auto may_publish = [&] {
            const std::uint64_t credit = channel().credit(request.key);
            const std::uint64_t used = published_[name(request)];
            const std::size_t allowed = std::min<std::size_t>(credit > used ? credit - used : 0, channel().writable());
            return std::min({allowed, bytes.size() - sent, kPiece});
        };
        const std::size_t piece = may_publish();
        if (piece == 0) {
            if (stop && stop()) {
                return sent;
            }
            lane().about_to_sleep(ipc::LaneSleep::Blocked);
            if (may_publish() > 0) {
                lane().awake();
            } else if (stop) {
                std::this_thread::sleep_for(std::chrono::milliseconds(1));  // whoever watches us decides
                lane().awake();
            } else {
                (void)lane().block();
            }
            continue;
        }
        body(request, bytes.substr(sent, piece), sent + piece == bytes.size());
        sent += piece;
    }
    return sent;
}

// ---- RunningWorker

RunningWorker::RunningWorker(std::unique_ptr<ManualWorker> worker, Handler handler)
    : worker_(std::move(worker)), thread_([this, handler = std::move(handler)] {
          while (!stop_) {
              if (!worker_->has_request()) {
                  worker_->use(0, 0);
                  worker_->lane().about_to_sleep(ipc::LaneSleep::Idle);
                  if (worker_->has_request() || stop_) {
                      worker_->lane().awake();
                  } else {
                      (void)worker_->lane().block();
                  }
                  continue;
              }
              const ManualWorker::Request request = worker_->next();
              if (worker_->claim(request)) {
                  handler(*worker_, request);
                  ++handled_;
              }
          }
      }) {}

RunningWorker::~RunningWorker() {
    stop_ = true;
    worker_->wake();
    thread_.join();
}

// ---- CapturedLog

CapturedLog::CapturedLog() {
    log::set_sink(this);
}

CapturedLog::~CapturedLog() {
    log::set_sink(nullptr);
}

void CapturedLog::write(log::Level /*level*/, std::string_view line) {
    const std::lock_guard lock(mutex_);
    lines_.emplace_back(line);
}

void CapturedLog::write(std::string_view access_line) {
    const std::lock_guard lock(mutex_);
    access_lines_.emplace_back(access_line);
}

std::string CapturedLog::find(const std::vector<std::string>& lines, std::string_view text) {
    std::string line;
    (void)wait_until([&] {
        const std::lock_guard lock(mutex_);
        const auto found = std::find_if(lines.begin(), lines.end(),
                                        [&](const std::string& one) { return one.find(text) != std::string::npos; });
        line = found == lines.end() ? "" : *found;
        return !line.empty();
    });
    return line;
}

std::string CapturedLog::line_with(std::string_view text) {
    return find(lines_, text);
}

std::string CapturedLog::access_line_with(std::string_view text) {
    return find(access_lines_, text);
}

// ---- Balancer

TemporaryDirectory::TemporaryDirectory() {
    require(::mkdtemp(path_.data()) != nullptr, "mkdtemp");
}

TemporaryDirectory::~TemporaryDirectory() {
    std::filesystem::remove_all(path_);
}

Balancer::Balancer(config::Config config, unsigned threads) {
    config.http.threads = static_cast<int>(threads);
    auto pair = ipc::ControlSocket::make_pair();
    require(pair.has_value(), "no control socket");
    control_ = std::move(pair->first);
    std::vector<Fd> listeners;
    listeners.push_back(listen_on_loopback(port_));
    listeners.push_back(listen_on_path(unix_path_));
    thread_ = std::thread([this, config, control = std::move(pair->second), sockets = std::move(listeners)]() mutable {
        auto served = balancer::serve({
                .control = control.release(),
                .listeners = std::move(sockets),
                .incarnation = kBalancerIncarnation,
                .config = config,
                .access_log = config.log.access.empty() ? nullptr : &log_,
        });
        if (!served) {
            log_.write(log::Level::Error, served.error().message());
        }
    });
    REQUIRE(expect<ipc::BalancerReady>().balancer_incarnation == kBalancerIncarnation);
    start_accepting();
}

Balancer::~Balancer() {
    end();
}

void Balancer::end() {
    control_ = ipc::ControlSocket();
    if (thread_.joinable()) {
        thread_.join();
    }
}

ipc::Envelope Balancer::next_message() {
    pollfd entry{.fd = control_.fd(), .events = POLLIN, .revents = 0};
    const auto until = std::chrono::steady_clock::now() + kPatience;
    ipc::Envelope envelope;
    while (true) {
        require(::poll(&entry, 1, remaining_ms(until)) == 1, "the balancer did not report what the test waits for");
        const auto status = control_.receive(envelope);
        require(status != ipc::ControlSocket::Status::Closed, "the balancer has closed its control socket");
        if (status == ipc::ControlSocket::Status::Message) {
            return envelope;
        }
    }
}

std::unique_ptr<ManualWorker> Balancer::prepare(std::uint32_t slots, std::uint64_t quota, std::uint32_t attached) {
    const ipc::WorkerId id{.seat = next_incarnation_ % 4, .incarnation = next_incarnation_};
    ++next_incarnation_;
    send(ipc::PrepareWorker{.worker = id, .slots = slots, .spares = 1, .quota = quota});
    while (true) {
        ipc::Envelope envelope = next_message();
        const auto prepared = envelope.as<ipc::WorkerPrepared>();
        if (!prepared || prepared->worker != id) {
            skipped_.push_back(std::move(envelope));
            continue;
        }
        require(envelope.fds.size() == 2 + prepared->lanes + prepared->threads, "wrong number of descriptors");
        ipc::ChannelFds fds;
        fds.request_file = std::move(envelope.fds[0]);
        fds.response_file = std::move(envelope.fds[1]);
        for (std::size_t index = 2; index < envelope.fds.size(); ++index) {
            (index < 2 + prepared->lanes ? fds.lane_bells : fds.thread_bells).push_back(std::move(envelope.fds[index]));
        }
        auto worker = std::make_unique<ManualWorker>(id, std::move(fds), *prepared);
        for (std::uint32_t lane = 0; lane < std::min(attached, prepared->lanes); ++lane) {
            worker->announce(lane);
        }
        return worker;
    }
}

void Balancer::prepare_impossible(ipc::WorkerId id) {
    require(wait_until([&] { return control_.send(ipc::PrepareWorker{.worker = id, .slots = 0}).has_value(); }),
            "the balancer does not read its control socket");
}

Client Balancer::connect_to_thread(unsigned thread, ManualWorker& worker) {
    const auto until = std::chrono::steady_clock::now() + kPatience;
    while (std::chrono::steady_clock::now() < until) {
        Client client = connect();
        client.send(get("/which-thread"));
        const ManualWorker::Request request = worker.take();
        worker.respond(request, "");
        require(client.receive().status == 200, "a request that asks for its thread is answered");
        if (request.thread == thread) {
            return client;
        }
    }
    throw std::runtime_error("no connection was accepted by the thread");
}

void Balancer::serve(const ManualWorker& worker) {
    send(ipc::ServeWorker{.worker = worker.id()});
}

std::unique_ptr<ManualWorker> Balancer::add_worker(std::uint32_t slots, std::uint64_t quota) {
    auto worker = prepare(slots, quota);
    serve(*worker);
    return worker;
}

std::unique_ptr<RunningWorker> Balancer::run_worker(RunningWorker::Handler handler) {
    return std::make_unique<RunningWorker>(add_worker(), std::move(handler));
}

}  // namespace fettle::test
