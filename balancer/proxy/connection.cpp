#include "balancer/proxy/connection.h"

#include "balancer/proxy/clients.h"
#include "base/assert.h"

#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace fettle::balancer {

namespace {

// Of the next requests, while one is running. Then the client has to wait for its answers first.
constexpr std::size_t kMaxKept = 64 * 1024;

constexpr std::uint16_t kClientLeft = 499;  // as nginx writes it into its access log; never sent

// Sent, and not acknowledged by the client yet.
int bytes_in_kernel(int socket) {
    int bytes = 0;
    (void)::ioctl(socket, SIOCOUTQ, &bytes);  // does not fail for a stream socket
    return bytes;
}

}  // namespace

Connection::Connection(Clients& clients, Fd socket, Address client, const Address& server)
    : clients_(clients),
      client_(std::move(client)),
      server_(&server),
      socket_(std::move(socket)),
      read_deadline_(*this),
      send_deadline_(*this),
      output_(clients.buffers()) {
    if (client_.is_unix) {
        client_.host.clear();  // a path that the client may have bound says nothing
    }
}

Connection::~Connection() {
    FETTLE_ASSERT(exchange_ == nullptr, "a connection was dropped without close()");
}

Result<void> Connection::start() {
    FETTLE_CHECK_OK(prepare_origin());
    FETTLE_CHECK_OK(clients_.poller().add(socket_.get(), *this));
    clients_.deadlines().start(read_deadline_, DeadlineKind::Header, clients_.now());
    if (clients_.stopping()) {
        stop();
    }
    return {};
}

void Connection::on_events(loop::EdgePoller::Events events) {
    if (phase_ == Phase::Closed) {
        return;  // in this turn, by another's event
    }
    readable_ = readable_ || events.readable || events.ended;
    ending_ = ending_ || events.ended;
    hung_up_ = hung_up_ || events.hung_up;
    if (events.failed || (hung_up_ && !wants_to_read())) {
        leave("connection lost");
        return;
    }
    if (events.writable) {
        flush();
    }
    if (readable_ && wants_to_read()) {
        receive();
    }
}

void Connection::continue_receiving() {
    if (readable_ && wants_to_read()) {
        receive();
    }
}

void Connection::receive() {
    const std::span<std::byte> buffer = clients_.read_buffer();
    const ssize_t got = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
    if (got < 0 && errno == EAGAIN) {
        readable_ = false;
        return;
    }
    if (got < 0 && errno != EINTR) {
        leave("connection lost");
        return;
    }
    if (got == 0) {
        on_input_end();
        return;
    }
    const std::span<const std::byte> bytes = buffer.first(static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    readable_ = got < 0 || ending_ || bytes.size() == buffer.size();
    if (bytes.empty() || phase_ == Phase::Linger || (answer_ == Answer::Ended && close_after_)) {
        update_interest();  // nobody is interested in these bytes any more
        return;
    }
    if (kept_.empty()) {
        const std::span<const std::byte> rest = process(bytes);
        kept_.append(reinterpret_cast<const char*>(rest.data()), rest.size());
        update_interest();
    } else {
        kept_.erase(0, std::exchange(kept_start_, 0));
        kept_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
        process_kept();
    }
}

void Connection::on_input_end() {
    readable_ = false;
    input_ended_ = true;
    if (hung_up_) {
        leave("client closed the connection");
        return;
    }
    leave_unless_owed();
    update_interest();
}

void Connection::process_kept() {
    if (processing_) {
        return;
    }
    // Nothing is received while process() runs, so kept_ stays empty meanwhile.
    std::string bytes = std::exchange(kept_, std::string());
    const std::size_t start = std::exchange(kept_start_, 0);
    const std::span<const std::byte> rest = process(std::as_bytes(std::span(bytes)).subspan(start));
    if (!rest.empty()) {
        kept_start_ = bytes.size() - rest.size();
        kept_ = std::move(bytes);
    }
    if (input_ended_) {
        leave_unless_owed();
    }
    update_interest();
}

// The client has closed its side. Whether it still waits for an answer to what it asked before cannot be seen: it is a
// setting. If so, only a reset tells that it left.
void Connection::leave_unless_owed() {
    const bool asked = request_complete_ || answer_ == Answer::Ended || !kept_.empty();
    const bool owed = clients_.config().http.half_close == config::HalfClose::Answer && phase_ == Phase::Busy && asked;
    if (!owed) {
        leave("client closed the connection");
    }
}

bool Connection::may_parse() const {
    const bool wants_more =
            phase_ == Phase::Idle || (phase_ == Phase::Busy && !request_complete_ && answer_ != Answer::Ended);
    return wants_more && (exchange_ == nullptr || !exchange_->body.congested());
}

std::span<const std::byte> Connection::process(std::span<const std::byte> bytes) {
    processing_ = true;
    while (may_parse()) {
        if (phase_ == Phase::Idle) {
            if (proxy_header_ != nullptr) {
                bytes = receive_proxy_header(bytes);
            }
            if (bytes.empty()) {
                break;
            }
            begin_request();
        }
        const http::RequestParser::Step step = parser_->feed(bytes);
        bytes = bytes.subspan(step.consumed);
        if (step.event == http::RequestParser::Event::NeedMore) {
            if (step.consumed > 0 && exchange_ != nullptr) {
                on_body_progress();  // a part of a chunk's frame: the client moves
            }
            break;
        }
        unparsed_ = !bytes.empty();
        on_step(step, unparsed_);
        if (answer_ == Answer::Ended) {
            flush();  // and, if the client takes it all, the next request may begin
        }
    }
    processing_ = false;
    unparsed_ = false;
    return phase_ == Phase::Closed || phase_ == Phase::Linger ? std::span<const std::byte>() : bytes;
}

void Connection::begin_request() {
    parser_ = clients_.take_parser();
    phase_ = Phase::Busy;
    // The first request's time began when the connection was accepted.
    if (!read_deadline_.active() || read_deadline_.kind() != DeadlineKind::Header) {
        clients_.deadlines().start(read_deadline_, DeadlineKind::Header, clients_.now());
    }
}

void Connection::end_request() {
    log_access();
    let_go();
    const bool whole = std::exchange(request_complete_, false);
    if (whole) {
        clients_.give_parser(std::move(parser_));
    }
    parser_.reset();  // one in the middle of a message cannot be used again
    answer_ = Answer::None;
    dispatched_ = false;
    status_ = 0;
    own_body_bytes_ = 0;
    framer_ = http::BodyFramer();
    response_head_ = std::string();
    origin_.reset();
    awaits_continue_ = false;
    request_id_.clear();
    served_before_ = true;
    const bool more_came = unparsed_ || !kept_.empty();
    if (close_after_ && !input_ended_ && (!whole || more_came)) {
        begin_linger();
        return;
    }
    if (close_after_ || ((clients_.stopping() || input_ended_) && !more_came)) {
        close();
        return;
    }
    phase_ = Phase::Idle;
    clients_.deadlines().start(read_deadline_, DeadlineKind::KeepAlive, clients_.now());
    if (!kept_.empty()) {
        process_kept();
    }
}

void Connection::begin_linger() {
    phase_ = Phase::Linger;
    kept_.clear();
    kept_start_ = 0;
    ::shutdown(socket_.get(), SHUT_WR);  // fails only if the client is gone, and then receive() says so
    clients_.deadlines().start(read_deadline_, DeadlineKind::Linger, clients_.now());
    update_interest();
}

void Connection::flush() {
    if (phase_ != Phase::Busy) {
        return;
    }
    after_send(output_.send(socket_.get()));
}

void Connection::after_send(ClientOutput::Sent sent) {
    switch (sent) {
        case ClientOutput::Sent::All:
            send_deadline_.stop();
            break;
        case ClientOutput::Sent::Some:
            expect_client_to_take();
            break;
        case ClientOutput::Sent::Nothing:
            if (!send_deadline_.active()) {
                expect_client_to_take();
            }
            break;
        case ClientOutput::Sent::Broken:
            leave("connection lost");
            return;
    }
    if (answer_ == Answer::Ended && output_.size() == 0) {
        end_request();
    } else if (dispatched_ && answer_ == Answer::Started) {
        clients_.dispatcher().client_took(*exchange_);
    }
    update_interest();
}

void Connection::expect_client_to_take() {
    in_kernel_ = bytes_in_kernel(socket_.get());
    clients_.deadlines().start(send_deadline_, DeadlineKind::Send, clients_.now());
}

// The kernel calls the socket writable only once a third of its buffer, which may be megabytes, is free again. A slow
// client is busy with it for longer than its time, so what counts is what is still in there.
void Connection::on_send_deadline() {
    if (bytes_in_kernel(socket_.get()) < in_kernel_) {
        expect_client_to_take();
    } else {
        leave("the client took no byte for longer than timeouts.send");
    }
}

void Connection::update_interest() {
    if (phase_ == Phase::Closed) {
        return;
    }
    const bool reads = wants_to_read();
    if (hung_up_ && !reads) {
        leave("connection lost");  // what it sent last will not be read, and no event tells of it again
        return;
    }
    if (readable_ && reads) {
        clients_.receive_later(*this);
    }
    const bool wants_to_write = output_.size() > 0;
    if (wants_to_write != watches_writable_) {
        watches_writable_ = wants_to_write;
        clients_.poller().watch_writable(socket_.get(), *this, wants_to_write);
    }
}

bool Connection::wants_to_read() const {
    const bool congested = exchange_ != nullptr && !request_complete_ && exchange_->body.congested();
    return phase_ != Phase::Closed && !congested && !input_ended_ && kept_.size() - kept_start_ < kMaxKept;
}

void Connection::stop() {
    if (phase_ != Phase::Idle) {
        return;  // the response will say that the connection ends with it
    }
    receive();  // a request may be waiting in the socket
    if (phase_ != Phase::Idle) {
        return;
    }
    if (served_before_) {
        close();
    } else {
        clients_.deadlines().start(read_deadline_, DeadlineKind::Farewell, clients_.now());
    }
}

void Connection::leave(std::string_view reason) {
    if (phase_ == Phase::Busy && exchange_ != nullptr) {
        log::debug("client left before its response was complete reason='{}' client={} request_id={}", reason,
                   client_name(), request_id_);
        if (answer_ == Answer::None) {
            status_ = kClientLeft;
        }
        log_access();
    }
    close();
}

void Connection::let_go() {
    if (exchange_ != nullptr) {
        clients_.let_go(*std::exchange(exchange_, nullptr));
    }
}

void Connection::close() {
    if (phase_ == Phase::Closed) {
        return;
    }
    phase_ = Phase::Closed;
    let_go();
    parser_.reset();
    read_deadline_.stop();
    send_deadline_.stop();
    output_.clear();
    socket_.reset();
    clients_.retire(*this);
}

void Connection::on_deadline(DeadlineKind kind) {
    switch (kind) {
        case DeadlineKind::Header:
            if (proxy_header_ != nullptr && proxy_header_->started()) {
                refuse_proxy_header("it is not complete within timeouts.header");
            } else if (parser_ == nullptr) {
                close();  // it never sent a byte
            } else {
                answer({.status = 408, .reason = "the request head took longer than timeouts.header"});
            }
            break;
        case DeadlineKind::Body:
            if (awaits_continue_) {
                // It took the beginning of the response for an answer to its question, rightly. An application that
                // still reads would wait for ever; one that only answers is not to be disturbed.
                exchange_->body.give_up();
                clients_.dispatcher().body_progress(*exchange_);
                break;
            }
            answer({.status = 408, .reason = "the request body paused for longer than timeouts.body"});
            break;
        case DeadlineKind::Send:
            on_send_deadline();
            break;
        case DeadlineKind::KeepAlive:
        case DeadlineKind::Linger:
        case DeadlineKind::Farewell:
            close();
            break;
        case DeadlineKind::Count:
            break;
    }
}

}  // namespace fettle::balancer
