// One client's connection: reads requests, one at a time, hands each to the dispatcher as an Exchange and sends its
// response.
//
//   Idle ─ first byte of a request → Busy ─ last byte of its response is sent → Idle
//                                     └ or, if the response said so → Closed
//                                     └ or, if there may be bytes of the client we do not want any more → Linger →
//                                     Closed
//
// Linger discards what still comes for a moment: closing a socket with unread bytes makes the kernel send a reset, and
// the client may then lose the response it was about to read (RFC 9112 9.6).
//
// A client that closes its side has left, also in the middle of a response, as nginx takes it: its request is taken
// back from the queue. With http.half_close = "answer" it gets its answers first, as Gunicorn and HAProxy have it.
// Bytes of the next request (pipelining) are kept and parsed when the current one has ended.
#pragma once

#include "balancer/http/forwarded.h"
#include "balancer/http/proxy_header.h"
#include "balancer/http/request_encoder.h"
#include "balancer/http/request_parser.h"
#include "balancer/http/response_writer.h"
#include "balancer/proxy/address.h"
#include "balancer/proxy/client_output.h"
#include "balancer/proxy/deadlines.h"
#include "balancer/proxy/exchange.h"
#include "base/fd.h"
#include "loop/edge_poller.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace fettle::balancer {

class Clients;

class Connection final : public ExchangeClient, public DeadlineOwner, public loop::EdgePoller::Target {
  public:
    // `server` must outlive the connection.
    Connection(Clients& clients, Fd socket, Address client, const Address& server);
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;
    ~Connection() override;

    // Begins to read. An Error: the connection cannot be watched and must be dropped.
    Result<void> start();

    // Goes on reading, once, if there still is something and it is still wanted.
    void continue_receiving();
    // Sends what is waiting.
    void flush();
    // The balancer stops: closes an idle connection, and lets a busy one finish.
    void stop();
    // Closes it, whatever it is doing.
    void close();

    [[nodiscard]] bool closed() const { return phase_ == Phase::Closed; }

    // Who it is, for a line of the log.
    [[nodiscard]] std::string_view client_name() const;

    // ---- of Clients
    std::size_t place = 0;  // among the connections
    bool in_flush_list = false;
    bool in_receive_list = false;

    // ---- the workers' side speaks
    void on_continue() override;
    [[nodiscard]] bool on_head(const ipc::ResponseReader& head, bool last) override;
    void on_body(std::span<const std::byte> piece, bool last) override;
    void on_failure(Failure failure, std::uint32_t retry_after) override;
    void on_request_body_progress() override;

    [[nodiscard]] std::size_t unsent() const override { return output_.size(); }

    void on_deadline(DeadlineKind kind) override;
    void on_events(loop::EdgePoller::Events events) override;

  private:
    enum class Phase : std::uint8_t { Idle, Busy, Linger, Closed };
    enum class Answer : std::uint8_t { None, Started, Ended };  // how much of the response we have, sent or not

    // A response of the balancer itself.
    struct OwnAnswer {
        std::uint16_t status = 500;
        std::string_view reason;    // for the log
        std::string_view detail{};  // for the client; empty: the standard sentence of the status
        std::uint32_t retry_after = 0;
    };

    // ---- connection.cpp: the socket and the parser
    void receive();
    void on_input_end();
    [[nodiscard]] bool wants_to_read() const;
    [[nodiscard]] std::span<const std::byte> process(
            std::span<const std::byte> bytes);  // returns what is not parsed yet
    void process_kept();
    [[nodiscard]] bool may_parse() const;
    void begin_request();
    void end_request();
    void after_send(ClientOutput::Sent sent);
    void expect_client_to_take();
    void on_send_deadline();
    void update_interest();
    void leave(std::string_view reason);
    void leave_unless_owed();
    void begin_linger();
    void let_go();

    // ---- connection_origin.cpp: who speaks to whom, as far as proxies in front are believed
    [[nodiscard]] Result<void> prepare_origin();
    [[nodiscard]] bool trusts(const Address& address) const;
    [[nodiscard]] std::span<const std::byte> receive_proxy_header(std::span<const std::byte> bytes);
    void take_proxy_header(const http::ProxyHeader& header);
    void refuse_proxy_header(std::string_view reason);
    [[nodiscard]] bool read_forwarding_headers();
    [[nodiscard]] http::RequestContext request_context() const;
    [[nodiscard]] const std::string& client_address() const;

    // ---- connection_request.cpp: from a head to a dispatched exchange
    void on_step(const http::RequestParser::Step& step, bool more_follows);
    void on_request_head(bool more_follows);
    void on_request_body(std::span<const std::byte> piece);
    void on_request_complete();
    [[nodiscard]] bool start_spooling();
    void refuse_to_store(const Error& error);
    void on_body_progress();
    void watch_body();
    void dispatch();
    void note_arrival();  // the times and the id of the request

    // ---- connection_response.cpp: from an answer to the socket
    void write_piece(std::span<const std::byte> piece, bool last);
    void answer(const OwnAnswer& own);
    void cut_off(std::string_view reason);
    void end_answer();
    void log_failure(std::uint16_t status, std::string_view reason);
    void log_access();
    [[nodiscard]] bool keep_alive_wanted() const;

    Clients& clients_;
    Address client_;  // the peer, or whom its PROXY header names
    const Address* server_;
    Fd socket_;
    Deadline read_deadline_;
    Deadline send_deadline_;

    std::string kept_;  // received and not parsed yet
    std::size_t kept_start_ = 0;
    ClientOutput output_;
    int in_kernel_ = 0;  // bytes, when the client's time to take some began

    std::unique_ptr<http::ProxyHeaderParser> proxy_header_;  // until the connection's PROXY header is complete
    std::unique_ptr<const Address> proxied_server_;          // of that header
    std::optional<http::ForwardedOrigin> origin_;            // of the request
    std::unique_ptr<http::RequestParser> parser_;            // from the first byte of a request to its end
    Exchange* exchange_ = nullptr;                           // from its complete head to its end
    std::string request_id_;
    http::BodyFramer framer_;
    std::string response_head_;  // for the access log, if it wants it
    TimePoint arrived_{};        // of the request's head
    std::int64_t arrived_unix_ms_ = 0;
    std::uint64_t own_body_bytes_ = 0;
    std::uint16_t status_ = 0;

    Phase phase_ = Phase::Idle;
    Answer answer_ = Answer::None;
    bool trusted_ = false;  // client_ is a proxy whose forwarding headers are believed
    bool tls_ = false;      // by the PROXY header
    // The client expects "100 Continue", did not get it, and did not begin with its body without it.
    bool awaits_continue_ = false;
    bool request_complete_ = false;
    bool dispatched_ = false;
    bool close_after_ = false;  // the connection ends with this response
    bool readable_ = false;     // there may be something to read in the socket
    bool ending_ = false;       // and behind it the end
    bool hung_up_ = false;      // it takes nothing more, either
    bool watches_writable_ = false;
    bool input_ended_ = false;    // the client has closed its side, and all it sent was read
    bool processing_ = false;     // process() is on the stack
    bool unparsed_ = false;       // and holds bytes behind the current step
    bool served_before_ = false;  // a request has ended on this connection
};

}  // namespace fettle::balancer
