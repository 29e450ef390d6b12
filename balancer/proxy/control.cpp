#include "balancer/proxy/control.h"

#include "base/log.h"

#include <algorithm>
#include <chrono>
#include <span>
#include <utility>
#include <vector>

namespace fettle::balancer {

namespace {

// The control side asks the queue in the name of the first thread, on whose loop it lives.
constexpr unsigned kThread = 0;

// A slot attaches at once unless it runs a request of the channels before these, which may take long.
constexpr Duration kFirstLook = std::chrono::milliseconds(1);
constexpr Duration kLongestLook = std::chrono::milliseconds(50);

// The socket says that it is writable although too many descriptors are on their way through it.
constexpr Duration kSendAgain = std::chrono::milliseconds(10);

Result<std::shared_ptr<Worker>> make_worker(const ipc::PrepareWorker& message, std::uint32_t balancer_incarnation,
                                            std::size_t threads) {
    const std::uint64_t lanes = std::uint64_t{message.slots} + message.spares;
    if (message.slots == 0 || lanes > ipc::kMaxLanes) {
        return Error{"a worker has 1 to " + std::to_string(ipc::kMaxLanes) + " lanes"};
    }
    FETTLE_TRY(channels,
               ipc::ChannelSet::create(
                       {
                               .seat = message.worker.seat,
                               .worker_incarnation = message.worker.incarnation,
                               .balancer_incarnation = balancer_incarnation,
                       },
                       {.threads = static_cast<std::uint32_t>(threads), .lanes = static_cast<std::uint32_t>(lanes)}));
    auto worker = std::make_shared<Worker>();  // shared: see worker.h
    worker->id = message.worker;
    worker->channels = std::move(channels);
    worker->quota = message.quota;
    for (std::uint32_t lane = 0; lane < message.slots; ++lane) {
        WorkerSlot& slot = worker->slots.emplace_back();
        slot.worker = worker.get();
        slot.lane = lane;
    }
    return worker;
}

}  // namespace

Control::Control(Setup setup)
    : setup_(std::move(setup)),
      events_(setup_.loop, [this] { on_events(); }),
      send_again_(setup_.loop, [this] { send_waiting(); }),
      graceful_(setup_.loop,
                [this] {
                    log::warning("requests were cut off: they did not end within timeouts.graceful");
                    tell_all(Exit{});
                }),
      look_again_(setup_.loop, [this] { look_for_attached_slots(); }) {
    setup_.pool.control = &events_;
}

Control::~Control() {
    for (auto& [incarnation, entry] : workers_) {
        for (WorkerSlot& slot : entry.worker->slots) {
            (void)setup_.pool.queue.remove_slot(slot, kThread, setup_.clock.now());  // no request is left to be granted
        }
    }
}

Result<void> Control::start() {
    FETTLE_TRY(poll, loop::Poll::create(setup_.loop, setup_.socket.fd(),
                                        [this](loop::Readiness readiness) { on_ready(readiness); }));
    poll.set(loop::Interest::Read);
    poll_ = std::move(poll);
    send(ipc::BalancerReady{.balancer_incarnation = setup_.incarnation});
    return {};
}

template <class Message>
void Control::send(const Message& message, std::span<const int> fds) {
    if (ending_) {
        return;
    }
    if (auto sent = outbox_.send(setup_.socket, message, fds); !sent) {
        end(sent.error().message());
    } else if (!outbox_.empty() && !send_again_.active()) {
        poll_->set(loop::Interest::ReadWrite);
    }
}

void Control::send_waiting() {
    if (ending_) {
        return;
    }
    const bool progress = outbox_.flush(setup_.socket);
    poll_->set(outbox_.empty() || !progress ? loop::Interest::Read : loop::Interest::ReadWrite);
    if (!outbox_.empty() && !progress) {
        send_again_.start(kSendAgain);
    }
}

// ---- the supervisor speaks

void Control::on_ready(loop::Readiness readiness) {
    if (readiness.writable && !outbox_.empty()) {
        send_waiting();
    }
    on_readable();
}

void Control::on_readable() {
    ipc::Envelope envelope;
    while (!ending_) {
        switch (setup_.socket.receive(envelope)) {
            case ipc::ControlSocket::Status::Empty:
                return;
            case ipc::ControlSocket::Status::Closed:
                end("the supervisor closed the control socket");
                return;
            case ipc::ControlSocket::Status::Message:
                handle(envelope);
                break;
        }
    }
}

void Control::handle(const ipc::Envelope& envelope) {
    if (const auto prepare_worker = envelope.as<ipc::PrepareWorker>()) {
        prepare(*prepare_worker);
    } else if (const auto serve_worker = envelope.as<ipc::ServeWorker>()) {
        serve(*serve_worker);
    } else if (const auto drain_worker = envelope.as<ipc::DrainWorker>()) {
        drain(drain_worker->worker);
    } else if (const auto worker_dead = envelope.as<ipc::WorkerDead>()) {
        bury(worker_dead->worker);
    } else if (envelope.as<ipc::StartAccepting>()) {
        stopping_ = false;
        tell_all(Accept{});
    } else if (envelope.as<ipc::StopAccepting>()) {
        stop_accepting();
    } else {
        end("the supervisor sent an unknown message");
    }
}

void Control::prepare(const ipc::PrepareWorker& message) {
    auto worker = make_worker(message, setup_.incarnation, setup_.pool.peers.size());
    if (!worker) {
        log::error("cannot make channels for a worker seat={} incarnation={} reason='{}', it is to be replaced",
                   message.worker.seat, message.worker.incarnation, worker.error().message());
        send(ipc::CannotServe{.worker = message.worker});
        return;
    }
    workers_[message.worker.incarnation] = {.worker = *worker};
    tell_all(AttachWorker{*worker});
}

void Control::serve(const ipc::ServeWorker& message) {
    Entry* entry = find(message.worker);
    if (entry == nullptr) {
        return;
    }
    entry->worker->pid = message.pid;
    for (WorkerSlot& slot : entry->worker->slots) {
        entry->pending.push_back(&slot);
    }
    add_attached_slots(*entry);
    if (!entry->pending.empty()) {
        look_again_in_ = kFirstLook;
        look_again_.start(look_again_in_);
    }
}

// A worker that outlived a balancer may still run requests of that one: what is granted to such a slot would wait for
// them although other slots are idle.
void Control::add_attached_slots(Entry& entry) {
    const ipc::ChannelSet& channels = *entry.worker->channels;
    std::erase_if(entry.pending, [&](WorkerSlot* slot) {
        if (!channels.lane_attached(slot->lane)) {
            return false;
        }
        setup_.pool.wake(setup_.pool.queue.add_slot(*slot, kThread, setup_.clock.now()));
        return true;
    });
}

void Control::look_for_attached_slots() {
    bool pending = false;
    for (auto& [incarnation, entry] : workers_) {
        add_attached_slots(entry);
        pending = pending || !entry.pending.empty();
    }
    if (pending) {
        look_again_in_ = std::min(2 * look_again_in_, kLongestLook);
        look_again_.start(look_again_in_);
    }
}

void Control::drain(ipc::WorkerId id) {
    Entry* entry = find(id);
    if (entry == nullptr) {
        return;
    }
    entry->pending.clear();
    for (WorkerSlot& slot : entry->worker->slots) {
        setup_.pool.wake(setup_.pool.queue.drain_slot(slot, kThread, setup_.clock.now()));
    }
    entry->worker->draining = true;  // not before: a slot that still gets requests may be idle now and busy again
    tell_all(RecallWorker{id});
}

void Control::bury(ipc::WorkerId id) {
    Entry* entry = find(id);
    if (entry == nullptr) {
        return;
    }
    for (WorkerSlot& slot : entry->worker->slots) {
        setup_.pool.wake(setup_.pool.queue.remove_slot(slot, kThread, setup_.clock.now()));
    }
    tell_all(BuryWorker{id});
    workers_.erase(id.incarnation);
}

void Control::stop_accepting() {
    stopping_ = true;
    quiet_ = 0;
    tell_all(StopAccept{++stop_round_});
}

void Control::end(std::string_view reason) {
    if (ending_) {
        return;
    }
    ending_ = true;
    poll_.reset();
    outbox_.clear();
    send_again_.stop();
    log::debug("balancer ends reason='{}'", reason);
    graceful_.start(setup_.graceful);
    if (!stopping_) {
        stop_accepting();
    } else if (all_quiet()) {
        tell_all(Exit{});
    }
}

// ---- the threads speak

void Control::on_events() {
    for (const Event& event : events_.take()) {
        std::visit([this](const auto& known) { on_event(known); }, event);
    }
}

void Control::on_event(const WorkerEvent& event) {
    Entry* entry = find(event.worker);
    if (entry == nullptr) {
        return;  // it died meanwhile
    }
    switch (event.kind) {
        case WorkerEvent::Kind::Attached:
            on_attached(*entry);
            break;
        case WorkerEvent::Kind::QuotaSpent:
            send(ipc::QuotaSpent{.worker = event.worker});
            break;
        case WorkerEvent::Kind::Drained:
            send(ipc::WorkerDrained{.worker = event.worker});
            break;
        case WorkerEvent::Kind::CannotServe:
            send(ipc::CannotServe{.worker = event.worker});
            break;
    }
}

void Control::on_event(const WorkerViolation& event) {
    if (find(event.worker) != nullptr) {
        send(ipc::ProtocolViolation{.worker = event.worker, .violation = event.violation});
    }
}

// Only when every thread can serve the worker may any of them be granted a request for it.
void Control::on_attached(Entry& entry) {
    if (++entry.attached < setup_.pool.peers.size()) {
        return;
    }
    const ipc::ChannelSet& channels = *entry.worker->channels;
    const auto fds = channels.duplicate_fds();
    if (!fds) {
        log::error("cannot hand out the channels of a worker seat={} incarnation={} reason='{}', it is to be replaced",
                   entry.worker->id.seat, entry.worker->id.incarnation, fds.error().message());
        send(ipc::CannotServe{.worker = entry.worker->id});
        return;
    }
    std::vector<int> raw{fds->request_file.get(), fds->response_file.get()};
    for (const Fd& bell : fds->lane_bells) {
        raw.push_back(bell.get());
    }
    for (const Fd& bell : fds->thread_bells) {
        raw.push_back(bell.get());
    }
    send(
            ipc::WorkerPrepared{
                    .worker = entry.worker->id,
                    .balancer_incarnation = setup_.incarnation,
                    .threads = channels.geometry().threads,
                    .lanes = channels.geometry().lanes,
            },
            raw);
}

void Control::on_event(const ThreadQuiet& event) {
    if (!stopping_ || event.round != stop_round_) {
        return;  // accepting was started again meanwhile
    }
    ++quiet_;
    if (!all_quiet()) {
        return;
    }
    if (ending_) {
        tell_all(Exit{});
    } else {
        send(ipc::Quiesced{});
    }
}

Control::Entry* Control::find(ipc::WorkerId id) {
    const auto found = workers_.find(id.incarnation);
    return found == workers_.end() || found->second.worker->id != id ? nullptr : &found->second;
}

void Control::tell_all(const Command& command) {
    for (Pool::Peer& peer : setup_.pool.peers) {
        peer.mailbox->post(command);
    }
}

}  // namespace fettle::balancer
