// Connection: from the workers' answer, or our own, to the socket.
#include "balancer/http/error_page.h"
#include "balancer/proxy/clients.h"
#include "balancer/proxy/connection.h"

#include <sys/socket.h>

#include <array>
#include <utility>

namespace fettle::balancer {

namespace {

// From this size on a piece goes to the socket straight from the worker's memory; smaller ones are gathered first.
constexpr std::size_t kDirectBytes = 16 * 1024;
// What was gathered is sent when it has become this much.
constexpr std::size_t kGatheredBytes = 64 * 1024;

std::string_view text_of(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// A client's bytes as a single-quoted value of a log line: they can neither end their quotes nor their line.
std::string quoted(std::string_view text) {
    constexpr std::size_t kMaxLogged = 200;
    std::string line = "'";
    for (const char character : text.substr(0, kMaxLogged)) {
        const auto code = static_cast<unsigned char>(character);
        if (code < 0x20 || code > 0x7e || character == '\'' || character == '\\') {
            line += fmt::format("\\x{:02X}", code);
        } else {
            line += character;
        }
    }
    return line += text.size() > kMaxLogged ? "...'" : "'";
}

}  // namespace

bool Connection::keep_alive_wanted() const {
    const bool last_request = input_ended_ && kept_.empty() && !unparsed_;
    return request_complete_ && parser_->head().keep_alive && clients_.config().http.keep_alive &&
           !clients_.stopping() && !last_request;
}

void Connection::on_continue() {
    if (awaits_continue_ && answer_ == Answer::None) {
        awaits_continue_ = false;
        output_.tail().append(http::kContinue);
        clients_.flush_later(*this);
        watch_body();
    }
}

bool Connection::on_head(const ipc::ResponseReader& head, bool last) {
    if (answer_ != Answer::None) {
        return true;
    }
    const http::RequestHead& request = parser_->head();
    const http::ResponseContext context{
            .date = clients_.date(),
            .server = clients_.config().http.server_header,
            .http_minor = request.http_minor,
            .head_request = request.is_head,
            .keep_alive = keep_alive_wanted(),
    };
    std::string& wire = output_.tail();
    const std::size_t before = wire.size();
    const auto start = http::write_response_head(head, last, context, wire);
    if (!start) {
        const bool forged = start.error().code == http::kForgedHead;
        answer({.status = forged ? std::uint16_t{502} : std::uint16_t{500}, .reason = start.error().what});
        return !forged;
    }
    if (clients_.wants_response_head()) {
        response_head_.assign(wire, before);
    }
    answer_ = Answer::Started;
    status_ = start->status;
    close_after_ = !start->keep_alive;
    framer_ = start->framer;
    if (!last && awaits_continue_) {
        watch_body();  // the client may send its body now, or may not (RFC 9110 10.1.1)
    }
    write_piece(start->body, last);
    return true;
}

void Connection::on_body(std::span<const std::byte> piece, bool last) {
    if (answer_ == Answer::Started) {
        write_piece(piece, last);
    }
}

void Connection::write_piece(std::span<const std::byte> piece, bool last) {
    const http::FramedPiece framed = framer_.frame(piece, last);
    if (last) {
        if (framer_.too_short()) {
            log_failure(status_, "the application sent less than its Content-Length: the connection is closed");
            close_after_ = true;
        }
        if (framer_.too_long()) {
            log_failure(status_, "the application sent more than its Content-Length: the surplus is dropped");
        }
        end_answer();
    }
    if (framed.bytes() >= kDirectBytes) {
        const std::array<std::string_view, 3> parts{framed.prefix(), text_of(framed.payload()), framed.suffix()};
        after_send(output_.send(socket_.get(), parts));
        return;
    }
    std::string& tail = output_.tail();
    tail.append(framed.prefix()).append(text_of(framed.payload())).append(framed.suffix());
    if (output_.size() >= kGatheredBytes) {
        flush();
    } else {
        clients_.flush_later(*this);
    }
}

void Connection::end_answer() {
    answer_ = Answer::Ended;
    read_deadline_.stop();
    if (!request_complete_) {
        close_after_ = true;  // nobody will read the rest of the request
    }
}

void Connection::on_failure(Failure failure, std::uint32_t retry_after) {
    if (answer_ == Answer::Ended) {
        return;
    }
    switch (failure) {
        case Failure::QueueFull:
            answer({.status = 503, .reason = "the queue is full (queue.max_length)", .retry_after = retry_after});
            break;
        case Failure::QueueTimeout:
            answer({.status = 503, .reason = "no worker was free within queue.timeout", .retry_after = retry_after});
            break;
        case Failure::Application:
            answer({.status = 500, .reason = "the application failed"});
            break;
        case Failure::WorkerDied:
            answer({.status = 502, .reason = "the worker died while it ran the request"});
            break;
        case Failure::Body:
            answer({.status = 500, .reason = "the spooled request body cannot be read back"});
            break;
    }
}

void Connection::answer(const OwnAnswer& own) {
    if (answer_ == Answer::Started) {
        cut_off(own.reason);
        return;
    }
    const http::RequestHead& request = parser_->head();
    if (exchange_ == nullptr) {
        note_arrival();  // the head was refused, or never came to its end
    }
    log_failure(own.status, own.reason);
    close_after_ = !keep_alive_wanted();
    status_ = own.status;
    own_body_bytes_ = http::write_error_page(
            {
                    .status = own.status,
                    .detail = own.detail,
                    .request_id = request_id_,
                    .date = clients_.date(),
                    .server = clients_.config().http.server_header,
                    .retry_after = own.retry_after,
                    .http_minor = request.http_minor,
                    .head_request = request.is_head,
                    .keep_alive = !close_after_,
            },
            output_.tail());
    end_answer();
    clients_.flush_later(*this);
}

void Connection::cut_off(std::string_view reason) {
    log_failure(status_, reason);
    (void)output_.send(socket_.get());  // what was gathered of it; whether the client takes it matters no more
    if (framer_.framing() == http::Framing::Close) {
        // Only a reset tells this client that it does not have everything.
        const linger at_once{.l_onoff = 1, .l_linger = 0};
        (void)::setsockopt(socket_.get(), SOL_SOCKET, SO_LINGER, &at_once,
                           sizeof(at_once));  // at worst it is an ordinary end
    }
    leave(reason);
}

void Connection::log_failure(std::uint16_t status, std::string_view reason) {
    clients_.limited_log().warning(clients_.now(),
                                   "request failed status={} reason={} client={} request={} request_id={}", status,
                                   quoted(reason), client_name(), quoted(parser_->head().request_line), request_id_);
}

void Connection::log_access() {
    if (!clients_.logs_access()) {
        return;
    }
    http::AccessRecord record{
            .head = &parser_->head(),
            .client_address = client_address(),
            .request_id = request_id_,
            .response_head = response_head_,
            .unix_ms = arrived_unix_ms_,
            .duration = clients_.now() - arrived_,
            .bytes_in = parser_->body_bytes(),
            .bytes_out = own_body_bytes_ + framer_.payload_bytes(),
            .status = status_,
    };
    if (exchange_ != nullptr && exchange_->seat) {
        record.seat = exchange_->seat;
        record.worker_pid = exchange_->worker_pid;
        record.queue = exchange_->granted_at() - exchange_->queued_at();
        record.app = exchange_->app_time;
    }
    clients_.log_access(record);
}

}  // namespace fettle::balancer
