// The client side of one balancer thread: its connections and what they share. Everything here runs on the thread's
// loop.
#pragma once

#include "balancer/http/access_log.h"
#include "balancer/http/http_date.h"
#include "balancer/http/request_parser.h"
#include "balancer/proxy/address.h"
#include "balancer/proxy/client_output.h"
#include "balancer/proxy/deadlines.h"
#include "balancer/proxy/exchange.h"
#include "balancer/proxy/limited_log.h"
#include "balancer/proxy/turn_clock.h"
#include "base/log.h"
#include "config/ip_address.h"
#include "config/schema.h"
#include "loop/edge_poller.h"
#include "loop/loop.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace fettle::balancer {

class Connection;

class Clients {
  public:
    // Everything referred to must outlive the object. `access_format` and `access_log` are both given, or neither.
    struct Setup {
        loop::Loop& loop;
        const TurnClock& clock;
        const config::Config& config;
        ExchangePool& exchanges;
        const http::AccessFormat* access_format = nullptr;
        log::LineSink* access_log = nullptr;
        std::string spool_directory;
        std::uint64_t first_request_id = 0;  // ids count up from here
    };

    Clients(const Setup& setup, Dispatcher& dispatcher);
    Clients(const Clients&) = delete;
    Clients& operator=(const Clients&) = delete;
    ~Clients();

    // ---- for the thread

    // Takes a connection that was just accepted. `server` must outlive it.
    void adopt(Fd socket, Address client, const Address& server);

    [[nodiscard]] std::size_t connections() const { return connections_.size(); }

    // No connection and no request of one is left.
    [[nodiscard]] bool quiet() const { return connections_.empty() && setup_.exchanges.in_use() == 0; }

    // Every response from now on closes its connection; connections without a request are closed, new ones soon.
    void stop();

    // Back to normal after stop().
    void resume() { stopping_ = false; }

    // Closes all connections.
    void close_all();

    // Sends what the exchanges of this turn have produced.
    void flush();
    // Goes on reading where has_input() was true, flushes, and frees closed connections: call it once per turn, with no
    // connection on the stack.
    void end_turn();

    // Connections have bytes to read that nobody will tell them of again: the next turn is to come at once.
    [[nodiscard]] bool has_input() const { return !to_receive_.empty(); }

    [[nodiscard]] Deadlines& deadlines() { return deadlines_; }

    // ---- for the connections

    [[nodiscard]] ExchangePool& exchanges() { return setup_.exchanges; }

    [[nodiscard]] loop::Loop& loop() { return setup_.loop; }

    [[nodiscard]] loop::EdgePoller& poller() { return poller_; }

    [[nodiscard]] const config::Config& config() const { return setup_.config; }

    [[nodiscard]] const config::TrustedPeers& trusted_peers() const { return trusted_peers_; }

    [[nodiscard]] const std::string& spool_directory() const { return setup_.spool_directory; }

    [[nodiscard]] Dispatcher& dispatcher() { return dispatcher_; }

    [[nodiscard]] BufferPool& buffers() { return buffers_; }

    [[nodiscard]] LimitedLog& limited_log() { return limited_log_; }

    [[nodiscard]] bool stopping() const { return stopping_; }

    [[nodiscard]] TimePoint now() const { return setup_.clock.now(); }

    [[nodiscard]] std::chrono::milliseconds unix_time() const { return setup_.clock.unix_time(); }

    // The Date header of now.
    [[nodiscard]] std::string_view date();
    void write_next_request_id(std::string& id);

    // Where every connection receives; valid until the next one does.
    [[nodiscard]] std::span<std::byte> read_buffer() { return {read_buffer_.get(), kReadBytes}; }

    // A parser between two messages; idle connections have none.
    [[nodiscard]] std::unique_ptr<http::RequestParser> take_parser();
    void give_parser(std::unique_ptr<http::RequestParser> parser);

    // The connection has output that may be gathered with more: it is sent by the next flush().
    void flush_later(Connection& connection);
    // The connection has more to read than it took in this turn: Connection::continue_receiving() in the next one.
    void receive_later(Connection& connection);
    // The connection is closed and wants to be freed.
    void retire(Connection& connection);
    // The client's side is done with the exchange.
    void let_go(Exchange& exchange);

    // The spool of the exchange's body has read or written something, or failed.
    void spool_progress(Exchange& exchange);

    [[nodiscard]] bool logs_access() const { return setup_.access_log != nullptr; }

    // True if the access log needs the text of response heads.
    [[nodiscard]] bool wants_response_head() const;
    void log_access(const http::AccessRecord& record);

  private:
    static constexpr std::size_t kReadBytes = 64 * 1024;

    Setup setup_;
    Dispatcher& dispatcher_;
    loop::EdgePoller poller_;
    config::TrustedPeers trusted_peers_;
    Deadlines deadlines_;
    BufferPool buffers_;
    LimitedLog limited_log_;
    http::DateCache dates_;
    std::unique_ptr<std::byte[]> read_buffer_;
    std::vector<std::unique_ptr<http::RequestParser>> parsers_;
    std::size_t parser_bytes_ = 0;                          // of these
    std::vector<std::unique_ptr<Connection>> connections_;  // each knows its place
    std::vector<std::unique_ptr<Connection>> retired_;
    std::vector<Connection*> to_flush_;
    std::vector<Connection*> to_receive_;
    std::vector<Connection*> receiving_;  // to_receive_ of the turn before, while it is walked through
    std::string access_line_;
    std::uint64_t next_request_id_;
    bool stopping_ = false;
};

}  // namespace fettle::balancer
