// Connection: from a request's head to a dispatched exchange.
#include "balancer/http/request_encoder.h"
#include "balancer/proxy/clients.h"
#include "balancer/proxy/connection.h"
#include "ipc/request_record.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <utility>

namespace fettle::balancer {

namespace {

// Larger buffered bodies follow the record in pieces, so that a record always fits a channel's arena.
constexpr std::size_t kMaxInlineBody = 64 * 1024;

constexpr std::size_t kMostOfAName = 200;  // of a client's, in the log

std::string_view text_of(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

void Connection::on_step(const http::RequestParser::Step& step, bool more_follows) {
    switch (step.event) {
        case http::RequestParser::Event::NeedMore:
            break;
        case http::RequestParser::Event::HeadComplete:
            on_request_head(more_follows);
            break;
        case http::RequestParser::Event::BodyPiece:
            on_request_body(step.body);
            break;
        case http::RequestParser::Event::MessageComplete:
            on_request_complete();
            break;
        case http::RequestParser::Event::Refused: {
            const auto& refusal = parser_->refusal();
            answer({.status = refusal.status, .reason = refusal.reason, .detail = refusal.reason});
            break;
        }
    }
}

void Connection::note_arrival() {
    arrived_ = clients_.now();
    arrived_unix_ms_ = clients_.unix_time().count();
    const std::optional<std::string_view> theirs = parser_->head().find(ipc::KnownHeader::XRequestId);
    if (theirs && http::valid_request_id(*theirs)) {
        request_id_ = *theirs;
    } else {
        clients_.write_next_request_id(request_id_);
    }
}

void Connection::on_request_head(bool more_follows) {
    const http::RequestHead& head = parser_->head();
    const config::Http& settings = clients_.config().http;
    note_arrival();
    exchange_ = &clients_.exchanges().take();
    exchange_->client = this;
    exchange_->arrived_ns = static_cast<std::uint64_t>(arrived_.time_since_epoch().count());
    read_deadline_.stop();
    if (!head.underscore_header.empty()) {
        clients_.limited_log().warning(clients_.now(),
                                       "request header dropped because of the underscore in its name name='{}' "
                                       "client={} request_id={}, see http.underscore_headers",
                                       head.underscore_header.substr(0, kMostOfAName), client_name(), request_id_);
    }
    if (!read_forwarding_headers()) {
        return;
    }
    if (head.body == http::BodyKind::None) {
        return;
    }
    // Whether a client that waits for "100 Continue" (RFC 9110 10.1.1) gets it is the application's decision: it is
    // sent when the application reads, so the request must run before its body is here. One that has begun with the
    // body does not wait.
    awaits_continue_ = head.expects_continue && !more_follows;
    const auto buffer_bytes = static_cast<std::uint64_t>(settings.body_buffer_bytes);
    const bool large = head.body == http::BodyKind::Length && head.content_length > buffer_bytes;
    const bool streamed = settings.stream_body && (large || head.body == http::BodyKind::Chunked);
    if (streamed || awaits_continue_) {
        exchange_->body.stream();
        watch_body();
        dispatch();
        return;
    }
    if (!large || start_spooling()) {
        watch_body();
    }
}

void Connection::on_request_body(std::span<const std::byte> piece) {
    RequestBody& body = exchange_->body;
    body.append(text_of(piece));
    const auto buffer_bytes = static_cast<std::uint64_t>(clients_.config().http.body_buffer_bytes);
    if (body.streamed()) {
        clients_.dispatcher().body_progress(*exchange_);
    } else if (!body.spooled() && body.received() > buffer_bytes && !start_spooling()) {
        return;
    }
    on_body_progress();
}

void Connection::on_body_progress() {
    awaits_continue_ = false;
    read_deadline_.stop();
    watch_body();
}

// The client has its time for the next piece while we are ready to read it, and only then. While it waits for a "100
// Continue", that is not before it got one, or a response in its place.
void Connection::watch_body() {
    const bool our_turn = awaits_continue_ && answer_ == Answer::None;
    if (request_complete_ || answer_ == Answer::Ended || our_turn || exchange_->body.congested()) {
        read_deadline_.stop();
    } else if (!read_deadline_.active()) {
        clients_.deadlines().start(read_deadline_, DeadlineKind::Body, clients_.now());
    }
}

bool Connection::start_spooling() {
    Exchange* exchange = exchange_;
    auto spool = RequestBodySpool::create(clients_.loop(), clients_.spool_directory(),
                                          [&clients = clients_, exchange] { clients.spool_progress(*exchange); });
    if (!spool) {
        refuse_to_store(spool.error());
        return false;
    }
    exchange_->body.spool_to(std::move(*spool));
    return true;
}

void Connection::refuse_to_store(const Error& error) {
    clients_.limited_log().error(
            clients_.now(),
            "cannot store a request body directory='{}' reason='{}' request_id={}, free space there "
            "or set http.spool_dir",
            clients_.spool_directory(), error.message(), request_id_);
    answer({.status = 507, .reason = error.message()});
}

void Connection::on_request_complete() {
    request_complete_ = true;
    read_deadline_.stop();
    exchange_->body.finish();
    if (exchange_->body.streamed()) {
        clients_.dispatcher().body_progress(*exchange_);
    } else if (exchange_->body.complete()) {
        dispatch();
    }
}

void Connection::on_request_body_progress() {
    if (answer_ == Answer::Ended) {
        return;
    }
    RequestBody& body = exchange_->body;
    if (!dispatched_) {
        if (const std::optional<Error>* failure = body.spool_failure(); failure != nullptr && *failure) {
            refuse_to_store(**failure);
            return;
        }
        if (body.complete()) {
            dispatch();
            return;
        }
    }
    if (!request_complete_) {
        watch_body();
        process_kept();
    }
}

void Connection::dispatch() {
    const http::RequestHead& head = parser_->head();
    RequestBody& body = exchange_->body;
    const bool whole = !body.spooled() && !body.streamed() && body.received() <= kMaxInlineBody;
    const auto inline_bytes = whole ? static_cast<std::uint32_t>(body.received()) : 0U;
    std::uint64_t body_bytes = body.received();
    if (body.streamed()) {
        body_bytes = head.body == http::BodyKind::Length ? head.content_length : ipc::kBodyLengthUnknown;
    }
    const http::RequestContext context = request_context();
    const std::span<std::byte> out = exchange_->record.resize(http::encoded_bytes(head, context, inline_bytes));
    const http::EncodedRequest encoded = http::encode(out, head, context, body_bytes, inline_bytes);
    if (inline_bytes > 0) {
        std::memcpy(encoded.body.data(), body.in_memory().data(), inline_bytes);
        body.release_memory();
    }
    exchange_->body_in_record = whole;
    dispatched_ = true;
    clients_.dispatcher().dispatch(*exchange_);
}

}  // namespace fettle::balancer
