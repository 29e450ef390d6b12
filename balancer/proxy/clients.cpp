#include "balancer/proxy/clients.h"

#include "balancer/proxy/connection.h"

#include <chrono>
#include <utility>

namespace fettle::balancer {

namespace {

constexpr std::size_t kIdleParserBytes = 1024 * 1024;  // of all idle parsers together
// After our last byte: enough for a client to read its answer and to close.
constexpr Duration kLinger = std::chrono::seconds(2);
// For a client whose connection was accepted while stopping, or that never sent a byte: its request may be on the way.
constexpr Duration kFarewell = std::chrono::seconds(1);

Duration to_duration(config::Seconds seconds) {
    return std::chrono::duration_cast<Duration>(seconds);
}

Deadlines::Durations durations_of(const config::Timeouts& timeouts) {
    Deadlines::Durations durations{};
    const auto set = [&durations](DeadlineKind kind, Duration duration) {
        durations[static_cast<std::size_t>(kind)] = duration;
    };
    set(DeadlineKind::Header, to_duration(timeouts.header));
    set(DeadlineKind::Body, to_duration(timeouts.body));
    set(DeadlineKind::KeepAlive, to_duration(timeouts.keep_alive));
    set(DeadlineKind::Send, to_duration(timeouts.send));
    set(DeadlineKind::Linger, kLinger);
    set(DeadlineKind::Farewell, kFarewell);
    return durations;
}

}  // namespace

Clients::Clients(const Setup& setup, Dispatcher& dispatcher)
    : setup_(setup),
      dispatcher_(dispatcher),
      poller_(setup.loop),
      trusted_peers_(setup.config.http.trusted_proxies),
      deadlines_(durations_of(setup.config.timeouts)),
      read_buffer_(std::make_unique_for_overwrite<std::byte[]>(kReadBytes)),
      next_request_id_(setup.first_request_id) {}

Clients::~Clients() {
    close_all();
    retired_.clear();
}

void Clients::adopt(Fd socket, Address client, const Address& server) {
    Connection& connection = *connections_.emplace_back(
            std::make_unique<Connection>(*this, std::move(socket), std::move(client), server));
    connection.place = connections_.size() - 1;
    if (auto started = connection.start(); !started) {
        limited_log_.warning(now(), "connection dropped reason='{}' client={}", started.error().message(),
                             connection.client_name());
        connection.close();
    }
}

void Clients::stop() {
    stopping_ = true;
    // A connection that stops may close itself and others, which moves them in the list. Closed ones live until the
    // turn ends.
    std::vector<Connection*> all;
    all.reserve(connections_.size());
    for (const auto& connection : connections_) {
        all.push_back(connection.get());
    }
    for (Connection* connection : all) {
        connection->stop();
    }
}

void Clients::close_all() {
    while (!connections_.empty()) {
        connections_.back()->close();
    }
}

void Clients::flush() {
    // The list may grow meanwhile: a connection that got its last byte starts on its next request.
    for (std::size_t index = 0; index < to_flush_.size(); ++index) {
        to_flush_[index]->in_flush_list = false;
        to_flush_[index]->flush();
    }
    to_flush_.clear();
}

void Clients::end_turn() {
    receiving_.swap(to_receive_);
    for (Connection* connection : receiving_) {
        connection->in_receive_list = false;
        connection->continue_receiving();
    }
    receiving_.clear();
    flush();
    retired_.clear();
}

std::string_view Clients::date() {
    return dates_.at(std::chrono::duration_cast<std::chrono::seconds>(unix_time()).count());
}

void Clients::write_next_request_id(std::string& id) {
    constexpr std::size_t kDigits = 16;
    id.resize(kDigits);
    std::uint64_t rest = next_request_id_++;
    for (std::size_t at = kDigits; at-- > 0; rest >>= 4) {
        id[at] = "0123456789abcdef"[rest & 0xf];
    }
}

std::unique_ptr<http::RequestParser> Clients::take_parser() {
    if (parsers_.empty()) {
        return std::make_unique<http::RequestParser>(setup_.config.http);
    }
    auto parser = std::move(parsers_.back());
    parsers_.pop_back();
    parser_bytes_ -= parser->memory();
    return parser;
}

void Clients::give_parser(std::unique_ptr<http::RequestParser> parser) {
    const std::size_t bytes = parser->memory();
    if (parser_bytes_ + bytes <= kIdleParserBytes) {
        parser_bytes_ += bytes;
        parsers_.push_back(std::move(parser));
    }
}

void Clients::flush_later(Connection& connection) {
    if (!connection.in_flush_list) {
        connection.in_flush_list = true;
        to_flush_.push_back(&connection);
    }
}

void Clients::receive_later(Connection& connection) {
    if (!connection.in_receive_list) {
        connection.in_receive_list = true;
        to_receive_.push_back(&connection);
    }
}

void Clients::retire(Connection& connection) {
    if (std::exchange(connection.in_receive_list, false)) {
        std::erase(to_receive_, &connection);
    }
    const std::size_t place = connection.place;
    retired_.push_back(std::move(connections_[place]));
    if (place + 1 < connections_.size()) {
        connections_[place] = std::move(connections_.back());
        connections_[place]->place = place;
    }
    connections_.pop_back();
}

void Clients::let_go(Exchange& exchange) {
    exchange.client = nullptr;
    if (exchange.state() != queue::Ticket::State::Idle) {
        dispatcher_.client_left(exchange);
    }
    setup_.exchanges.release_if_ended(exchange);
}

void Clients::spool_progress(Exchange& exchange) {
    if (exchange.lane != nullptr) {
        dispatcher_.body_progress(exchange);
    } else if (exchange.client != nullptr) {
        exchange.client->on_request_body_progress();
    }
}

bool Clients::wants_response_head() const {
    return setup_.access_format != nullptr && setup_.access_format->wants_response_head();
}

void Clients::log_access(const http::AccessRecord& record) {
    access_line_.clear();
    setup_.access_format->write(record, access_line_);
    setup_.access_log->write(access_line_);
}

}  // namespace fettle::balancer
