#include "tests/fuzz/response_rig.h"

#include "base/assert.h"

#include <algorithm>
#include <cctype>
#include <cstring>
#include <utility>

namespace fettle::fuzz {

namespace {

constexpr std::uint32_t kRogueSeat = 0;
constexpr std::uint32_t kHonestSeat = 1;
constexpr ipc::Geometry kGeometry{.threads = 1, .lanes = RigWorker::kLanes};

std::string id_header(std::uint64_t id) {
    return "x-id" + std::to_string(id);
}

// What HTTP allows of a head on the wire: lines that end in CR LF and nothing else that looks like an end.
void check_wire_head(std::string_view wire) {
    FETTLE_ASSERT(wire.starts_with("HTTP/1.1 ") && wire.find("\r\n\r\n") + 4 == wire.size(),
                  "a head has one empty line, at its end");
    for (std::size_t at = 0; at < wire.size(); ++at) {
        const auto c = static_cast<unsigned char>(wire[at]);
        FETTLE_ASSERT(c == '\t' || (c >= 0x20 && c != 0x7f) ||
                              (c == '\r' && at + 1 < wire.size() && wire[at + 1] == '\n') ||
                              (c == '\n' && at > 0 && wire[at - 1] == '\r'),
                      "a control character reached the wire");
    }
    std::size_t lengths = 0;
    std::size_t codings = 0;
    for (std::size_t line = wire.find("\r\n") + 2; line + 2 < wire.size(); line = wire.find("\r\n", line) + 2) {
        const std::string_view text = wire.substr(line, wire.find("\r\n", line) - line);
        const auto colon = text.find(": ");
        FETTLE_ASSERT(colon != std::string_view::npos && colon > 0, "a header line has a name");
        std::string name(text.substr(0, colon));
        FETTLE_ASSERT(name.find_first_of(" \t:") == std::string::npos, "a header's name has no blanks");
        std::transform(name.begin(), name.end(), name.begin(),
                       [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
        lengths += name == "content-length" ? 1 : 0;
        codings += name == "transfer-encoding" ? 1 : 0;
    }
    FETTLE_ASSERT(lengths + codings <= 1, "the framing of a response has one meaning");
}

}  // namespace

// All bodies are pieces of the alphabet repeated, which start at different letters.
std::span<const std::byte> body_of(std::uint64_t id, std::uint64_t position, std::size_t bytes) {
    constexpr std::size_t kLetters = 26;
    static const std::vector<std::byte> letters = [] {
        std::vector<std::byte> all(kMostBodyBytes + kLetters);
        for (std::size_t at = 0; at < all.size(); ++at) {
            all[at] = static_cast<std::byte>('a' + at % kLetters);
        }
        return all;
    }();
    return std::span(letters).subspan((id * 7 + position) % kLetters, bytes);
}

// ---- RigWorker

RigWorker::RigWorker(std::uint32_t seat, std::uint32_t incarnation) : worker_(std::make_shared<balancer::Worker>()) {
    const ipc::ChannelSet::Identity identity{
            .seat = seat, .worker_incarnation = incarnation, .balancer_incarnation = 1};
    auto channels = ipc::ChannelSet::create(identity, kGeometry);
    FETTLE_ASSERT(channels.has_value(), "channels can be made");
    auto fds = (*channels)->duplicate_fds();
    FETTLE_ASSERT(fds.has_value(), "channels can be handed out");
    auto scribble =
            ipc::Segment::map(fds->response_file.get(), ipc::response_file_bytes(kGeometry), ipc::Access::ReadWrite);
    FETTLE_ASSERT(scribble.has_value(), "a worker can map its response file once more");
    scribble_ = std::move(*scribble);
    auto request_file =
            ipc::Segment::map(fds->request_file.get(), ipc::request_file_bytes(kGeometry), ipc::Access::ReadOnly);
    FETTLE_ASSERT(request_file.has_value(), "a worker can map its request file once more");
    request_file_ = std::move(*request_file);
    auto ends = ipc::WorkerChannelSet::map(std::move(*fds), identity, kGeometry);
    FETTLE_ASSERT(ends.has_value(), "a worker can map its channels");
    ends_ = std::move(*ends);
    worker_->id = {.seat = seat, .incarnation = incarnation};
    worker_->channels = std::move(*channels);
    for (std::uint32_t lane = 0; lane < kLanes; ++lane) {
        balancer::WorkerSlot& slot = worker_->slots.emplace_back();
        slot.worker = worker_.get();
        slot.lane = lane;
        ends_->lane(lane).announce();
    }
}

// Once more was consumed than it has published itself, a worker's own end stops with an assertion.
bool RigWorker::in_order(std::uint32_t lane) const {
    const auto* channels = reinterpret_cast<const ipc::RequestChannel*>(request_file_.data() +
                                                                        ipc::request_channels_offset(kGeometry));
    return channels[lane].consumed.load() <= published_[lane];
}

void RigWorker::publish(std::uint32_t lane, ipc::RequestKey key, ipc::ResponseKind kind, std::uint32_t used,
                        bool last) {
    channel(lane).publish(key, kind, used, last, 1000);
    ++published_[lane];
}

bool RigWorker::take(std::uint32_t lane) {
    if (!in_order(lane)) {
        return false;
    }
    const auto message = channel(lane).peek();
    if (!message) {
        return false;
    }
    if (message->kind == ipc::RequestKind::Request) {
        std::uint64_t id = 0;
        FETTLE_ASSERT(message->payload.size() >= sizeof(id), "a record arrives whole");
        std::memcpy(&id, message->payload.data(), sizeof(id));
        if (channel(lane).claim(message->key)) {
            running_[lane].push_back({.key = message->key, .id = id});
        } else {
            ++published_[lane];
        }
    }
    channel(lane).pop();
    return true;
}

RigWorker::Running* RigWorker::find(std::uint32_t lane, std::size_t which) {
    std::vector<Running>& all = running_[lane];
    return all.empty() || !in_order(lane) ? nullptr : &all[which % all.size()];
}

// How much of a piece may be sent now.
std::uint32_t RigWorker::allowed(std::uint32_t lane, const Running& running, std::uint32_t wanted) {
    const std::uint64_t credit = channel(lane).credit(running.key);
    return static_cast<std::uint32_t>(std::min<std::uint64_t>(wanted, credit - std::min(credit, running.sent)));
}

void RigWorker::over(std::uint32_t lane, const Running& running) {
    std::erase_if(running_[lane], [key = running.key](const Running& one) { return one.key == key; });
}

bool RigWorker::head(std::uint32_t lane, std::size_t which, Head head, std::uint32_t body, bool last) {
    Running* running = find(lane, which);
    if (running == nullptr || running->head_sent) {
        return false;
    }
    body = allowed(lane, *running, body);
    std::vector<std::pair<std::string, std::string>> headers{{id_header(running->id), "yes"}};
    for (std::uint32_t index = 0; index < head.headers; ++index) {
        headers.emplace_back("x-filler-" + std::to_string(index), std::string(index % 50, 'v'));
    }
    if (head.declares_length && last) {
        headers.emplace_back("Content-Length", std::to_string(body));
    }
    std::size_t text = 0;
    for (const auto& [name, value] : headers) {
        text += name.size() + value.size();
    }
    constexpr std::string_view kReason = "Fine";
    const std::size_t bytes = ipc::response_record_bytes(headers.size(), kReason.size(), text, body);
    if (channel(lane).writable() < bytes) {
        return false;
    }
    const std::span<std::byte> space = channel(lane).reserve(static_cast<std::uint32_t>(bytes));
    std::byte* at = space.data();
    const auto put = [&at](const void* source, std::size_t count) {
        if (count > 0) {
            std::memcpy(at, source, count);
            at += count;
        }
    };
    const ipc::ResponseRecord record{.status = head.status,
                                     .header_count = static_cast<std::uint16_t>(headers.size()),
                                     .reason_bytes = static_cast<std::uint32_t>(kReason.size()),
                                     .headers_bytes = static_cast<std::uint32_t>(text),
                                     .body_bytes = body};
    put(&record, sizeof(record));
    for (const auto& [name, value] : headers) {
        const ipc::HeaderSize size{static_cast<std::uint32_t>(name.size()), static_cast<std::uint32_t>(value.size())};
        put(&size, sizeof(size));
    }
    put(kReason.data(), kReason.size());
    for (const auto& [name, value] : headers) {
        put(name.data(), name.size());
        put(value.data(), value.size());
    }
    put(body_of(running->id, 0, body).data(), body);
    publish(lane, running->key, ipc::ResponseKind::Head, static_cast<std::uint32_t>(bytes), last);
    running->head_sent = true;
    running->sent += body;
    if (last) {
        over(lane, *running);
    }
    return true;
}

bool RigWorker::body(std::uint32_t lane, std::size_t which, std::uint32_t bytes, bool last) {
    Running* running = find(lane, which);
    if (running == nullptr || !running->head_sent) {
        return false;
    }
    bytes = std::min(allowed(lane, *running, bytes), channel(lane).writable());
    if (bytes == 0) {
        return false;
    }
    const std::span<std::byte> space = channel(lane).reserve(bytes);
    std::memcpy(space.data(), body_of(running->id, running->sent, bytes).data(), bytes);
    publish(lane, running->key, ipc::ResponseKind::Body, bytes, last);
    running->sent += bytes;
    if (last) {
        over(lane, *running);
    }
    return true;
}

bool RigWorker::end(std::uint32_t lane, std::size_t which) {
    const Running* running = find(lane, which);
    if (running == nullptr || !running->head_sent || channel(lane).writable() == 0) {
        return false;
    }
    publish(lane, running->key, ipc::ResponseKind::End, 0, true);
    over(lane, *running);
    return true;
}

bool RigWorker::fail(std::uint32_t lane, std::size_t which) {
    const Running* running = find(lane, which);
    if (running == nullptr || channel(lane).writable() == 0) {
        return false;
    }
    publish(lane, running->key, ipc::ResponseKind::Failed, 0, true);
    over(lane, *running);
    return true;
}

bool RigWorker::ask_for_body(std::uint32_t lane, std::size_t which) {
    Running* running = find(lane, which);
    if (running == nullptr || running->asked || running->head_sent || channel(lane).writable() == 0) {
        return false;
    }
    publish(lane, running->key, ipc::ResponseKind::Continue, 0, false);
    running->asked = true;
    return true;
}

bool RigWorker::answer_all(std::uint32_t lane) {
    bool did = false;
    while (take(lane)) {
        did = true;
    }
    while (!running_[lane].empty()) {
        const bool answered =
                running_[lane].front().head_sent ? end(lane, 0) : head(lane, 0, {.headers = 1}, 100, true);
        if (!answered) {
            break;
        }
        did = true;
    }
    return did;
}

ipc::ResponseChannel& RigWorker::forge(std::uint32_t lane) {
    lies_ = true;
    return reinterpret_cast<ipc::ResponseChannel*>(scribble_.data() + ipc::response_channels_offset(kGeometry))[lane];
}

ipc::LaneScore& RigWorker::forge_score(std::uint32_t lane) {
    lies_ = true;
    return reinterpret_cast<ipc::LaneScore*>(scribble_.data() + ipc::kPage)[lane];
}

// ---- RigClient

// Common to all news of a worker: somebody listens, and the worker may still speak.
void RigClient::hear() {
    FETTLE_ASSERT(!gone(), "a client that has left is told something");
    FETTLE_ASSERT(!ended_, "a client is told something after the end of its response");
    FETTLE_ASSERT(exchange->seat.has_value(), "a response comes from somewhere");
    FETTLE_ASSERT(!rig_.worker_of(*exchange->seat).worker()->broken,
                  "something of a worker that broke the protocol reached a client");
}

bool RigClient::answered_honestly() const {
    return !rig_.worker_of(*exchange->seat).lies();
}

void RigClient::on_continue() {
    hear();
    FETTLE_ASSERT(!std::exchange(continued_, true), "a body is asked for once");
}

bool RigClient::on_head(const ipc::ResponseReader& head, bool last) {
    hear();
    FETTLE_ASSERT(!head_seen_, "a response has one head");
    head_seen_ = true;
    std::string wire = "before";
    const http::ResponseContext context{.date = "Thu, 01 Jan 1970 00:00:00 GMT",
                                        .server = "fettle",
                                        .http_minor = static_cast<std::uint8_t>(id_ % 2),
                                        .head_request = id_ % 5 == 0,
                                        .keep_alive = id_ % 3 == 0};
    const auto start = http::write_response_head(head, last, context, wire);
    FETTLE_ASSERT(wire.starts_with("before"), "what was on the wire before is left alone");
    if (!start) {
        FETTLE_ASSERT(wire == "before", "a refused head leaves nothing on the wire");
        FETTLE_ASSERT(!answered_honestly(), "an honest worker's head was refused");
        const bool forged = start.error().code == http::kForgedHead;
        refused_ = true;
        ended_ = last && !forged;  // with a forged one the request ends when its worker is dead
        return !forged;
    }
    check_wire_head(std::string_view(wire).substr(6));
    FETTLE_ASSERT(!answered_honestly() || wire.find("\r\n" + id_header(id_) + ": yes\r\n") != std::string::npos,
                  "a head reached another's client");
    unsent_ += wire.size() - 6;
    framer_ = start->framer;
    frame(start->body, last);
    return true;
}

void RigClient::on_body(std::span<const std::byte> piece, bool last) {
    hear();
    FETTLE_ASSERT(head_seen_, "a body has a head");
    if (refused_) {
        ended_ = ended_ || last;
        return;
    }
    frame(piece, last);
}

void RigClient::frame(std::span<const std::byte> piece, bool last) {
    if (answered_honestly() && !piece.empty()) {
        FETTLE_ASSERT(std::memcmp(piece.data(), body_of(id_, received_, piece.size()).data(), piece.size()) == 0,
                      "a body was damaged or misdirected");
    }
    received_ += piece.size();
    FETTLE_ASSERT(received_ <= exchange->credit, "a worker sent more than it was allowed");
    const http::FramedPiece framed = framer_.frame(piece, last);
    FETTLE_ASSERT(framed.payload().size() <= piece.size() && framed.bytes() <= piece.size() + 32,
                  "framing adds a chunk's head and ends, no more");
    unsent_ += framed.bytes();
    ended_ = last;
}

void RigClient::on_failure(balancer::Failure /*failure*/, std::uint32_t /*retry_after*/) {
    FETTLE_ASSERT(!gone() && !ended_, "a client that has left, or its answer, is told of a failure");
    ended_ = true;
}

void RigClient::on_request_body_progress() {
    FETTLE_ASSERT(!gone(), "a client that has left is told something");
}

void RigClient::take(std::size_t bytes) {
    unsent_ -= std::min(unsent_, bytes);
    if (!gone() && exchange->state() == queue::Ticket::State::Dispatched) {
        rig_.workers().client_took(*exchange);
    }
}

void RigClient::leave() {
    if (gone()) {
        return;
    }
    balancer::Exchange& left = *std::exchange(exchange, nullptr);
    left.client = nullptr;
    if (left.state() != queue::Ticket::State::Idle) {
        rig_.workers().client_left(left);
    }
    rig_.exchanges().release_if_ended(left);
}

// ---- Rig

loop::Loop& Rig::shared_loop() {
    static loop::Loop loop;
    return loop;
}

Rig::Rig()
    : events_(shared_loop(), [] {}),
      mailbox_(shared_loop(), [] {}),
      pool_({.max_length = 0, .timeout = std::chrono::seconds(30)}, 1),
      workers_({.loop = shared_loop(), .clock = clock_, .pool = pool_, .exchanges = exchanges_, .thread = 0}) {
    pool_.control = &events_;
    pool_.peers[0].mailbox = &mailbox_;
    honest_ = std::make_unique<RigWorker>(kHonestSeat, next_incarnation_++);
    add(*honest_);
    rogue_ = std::make_unique<RigWorker>(kRogueSeat, next_incarnation_++);
    add(*rogue_);
}

void Rig::add(RigWorker& worker) {
    workers_.attach(worker.worker());
    for (balancer::WorkerSlot& slot : worker.worker()->slots) {
        pool_.wake(pool_.queue.add_slot(slot, 0, clock_.now()));
    }
}

void Rig::bury(RigWorker& worker) {
    for (balancer::WorkerSlot& slot : worker.worker()->slots) {
        pool_.wake(pool_.queue.remove_slot(slot, 0, clock_.now()));
    }
    workers_.bury(worker.worker()->id);
}

void Rig::read_events() {
    for (const balancer::Event& event : events_.take()) {
        const auto* worker = std::get_if<balancer::WorkerViolation>(&event);
        if (worker == nullptr) {
            continue;
        }
        FETTLE_ASSERT(rogue_->lies() && worker->worker == rogue_->worker()->id, "an honest worker was accused");
        FETTLE_ASSERT(!std::exchange(reported_, true), "a violation is reported once");
        FETTLE_ASSERT(ipc::text_of(worker->violation) != ipc::text_of(ipc::Violation{}), "a violation has a name");
        FETTLE_ASSERT(rogue_->worker()->broken, "a worker is broken from the report on");
    }
}

void Rig::request(std::uint32_t record_bytes, bool streaming) {
    const std::uint64_t id = clients_.size();
    RigClient& client = *clients_.emplace_back(std::make_unique<RigClient>(*this, id));
    balancer::Exchange& exchange = exchanges_.take();
    client.exchange = &exchange;
    exchange.client = &client;
    exchange.body_in_record = !streaming;
    if (streaming) {
        exchange.body.stream();
    } else {
        exchange.body.finish();
    }
    const std::span<std::byte> record = exchange.record.resize(std::max<std::size_t>(record_bytes, sizeof(id)));
    std::fill(record.begin(), record.end(), std::byte{0});
    std::memcpy(record.data(), &id, sizeof(id));
    workers_.dispatch(exchange);
}

void Rig::more_body(std::size_t which, std::size_t bytes, bool last) {
    RigClient* found = client(which);
    if (found == nullptr || found->gone() || found->ended()) {
        return;
    }
    balancer::Exchange& exchange = *found->exchange;
    if (!exchange.body.streamed() || exchange.body.finished() || exchange.body.congested()) {
        return;
    }
    exchange.body.append(std::string(bytes, 'q'));
    if (last) {
        exchange.body.finish();
    }
    if (exchange.state() == queue::Ticket::State::Dispatched) {
        workers_.body_progress(exchange);
    }
}

RigClient* Rig::client(std::size_t which) {
    return clients_.empty() ? nullptr : clients_[which % clients_.size()].get();
}

void Rig::turn() {
    workers_.harvest();
    (void)workers_.take_grants();
    read_events();
}

void Rig::sleep() {
    (void)workers_.prepare_sleep();
    turn();
}

void Rig::pass(Duration time) {
    clock_.time += time;
    workers_.expire(clock_.now());
    read_events();
}

void Rig::recall_rogue() {
    rogue_->worker()->draining = true;
    for (balancer::WorkerSlot& slot : rogue_->worker()->slots) {
        pool_.wake(pool_.queue.drain_slot(slot, 0, clock_.now()));
    }
    workers_.recall(rogue_->worker()->id);
    read_events();
}

void Rig::replace_rogue() {
    bury(*rogue_);
    read_events();
    reported_ = false;
    rogue_ = std::make_unique<RigWorker>(kRogueSeat, next_incarnation_++);
    add(*rogue_);
}

void Rig::finish() {
    bury(*rogue_);
    read_events();
    constexpr int kTurns = 1000;
    int turns = 0;
    const auto waits = [](const auto& client) { return !client->gone() && !client->ended(); };
    while (std::any_of(clients_.begin(), clients_.end(), waits) || pool_.queue.figures().in_flight > 0) {
        FETTLE_ASSERT(++turns < kTurns, "a client waits for ever");
        for (const auto& client : clients_) {
            client->take(~std::size_t{0});
        }
        for (std::size_t which = 0; which < clients_.size(); ++which) {
            more_body(which, 1, true);
        }
        turn();
        for (std::uint32_t lane = 0; lane < RigWorker::kLanes; ++lane) {
            (void)honest_->answer_all(lane);
        }
        turn();
    }
    for (const auto& client : clients_) {
        client->leave();
    }
    turn();
    FETTLE_ASSERT(!honest_->worker()->broken, "an honest worker was given up");
    bury(*honest_);
    FETTLE_ASSERT(exchanges_.in_use() == 0, "an exchange is left");
    FETTLE_ASSERT(pool_.queue.figures().waiting == 0 && pool_.queue.figures().in_flight == 0, "a request is left");
}

}  // namespace fettle::fuzz
