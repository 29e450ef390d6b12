#include "balancer/proxy/workers.h"

#include "base/assert.h"
#include "base/log.h"

#include <algorithm>
#include <utility>

namespace fettle::balancer {

namespace {

// A worker on another CPU should begin before a long turn of the loop is over. On our own CPU it would only interrupt
// the turn: the scheduler lets who is woken go first.
constexpr unsigned kSubmittedPerBell = 16;

}  // namespace

// ---- Link

Link::Link(std::shared_ptr<Worker> worker, unsigned thread) : worker_(std::move(worker)), thread_(thread) {
    for (const WorkerSlot& slot : worker_->slots) {
        lanes_.push_back(std::make_unique<Lane>(*this, *worker_, thread, slot.lane));
    }
}

Result<std::unique_ptr<Link>> Link::create(loop::Loop& loop, std::shared_ptr<Worker> worker, unsigned thread) {
    std::unique_ptr<Link> link(new Link(std::move(worker), thread));
    FETTLE_TRY(bell, loop::Poll::create(loop, link->worker_->channels->thread_bell(thread),
                                        [link = link.get()](loop::Readiness readiness) { link->on_bell(readiness); }));
    bell.set(loop::Interest::Read);
    link->bell_ = std::move(bell);
    return link;
}

void Link::on_bell(loop::Readiness readiness) {
    worker_->channels->drain_thread_bell(thread_);
    if (readiness.failed) {
        log::error("a worker's bell failed seat={} incarnation={}, it is polled again", worker_->id.seat,
                   worker_->id.incarnation);
        bell_->set(loop::Interest::Read);
    }
}

void Link::sleep() {
    const bool wants_room =
            std::any_of(lanes_.begin(), lanes_.end(), [](const auto& lane) { return lane->wants_room(); });
    worker_->channels->set_asleep(thread_, true, wants_room);
    asleep_ = true;
}

void Link::wake_up() {
    worker_->channels->set_asleep(thread_, false);
    asleep_ = false;
}

// ---- the clients' requests

void Workers::dispatch(Exchange& exchange) {
    const bool streaming = exchange.body.streamed() && !exchange.body.finished();
    const auto pushed = setup_.pool.queue.push(exchange, setup_.thread,
                                               streaming ? queue::Body::Streaming : queue::Body::Buffered, now());
    if (!pushed.accepted) {
        exchange.client->on_failure(Failure::QueueFull, setup_.pool.queue.retry_after());
        return;
    }
    serve(pushed.mail);
}

void Workers::body_progress(Exchange& exchange) {
    if (exchange.lane != nullptr) {
        exchange.lane->pump();
        exchange.lane->ring_if_pushed();
    }
}

void Workers::client_took(Exchange& exchange) {
    if (exchange.lane != nullptr && !exchange.lane->link().worker().broken) {
        exchange.lane->update_credit(exchange);
    }
}

void Workers::client_left(Exchange& exchange) {
    if (exchange.state() != queue::Ticket::State::Dispatched) {
        serve(setup_.pool.queue.forget(exchange, now()));
        return;
    }
    Worker& worker = exchange.lane->link().worker();
    if (exchange.lane->give_up(exchange)) {
        serve(setup_.pool.queue.forget(exchange, now()));
        report_if_drained(worker);
    }
}

// Wakes the threads that got grants, and takes our own.
void Workers::serve(queue::ThreadSet mail) {
    const queue::ThreadSet own = queue::ThreadSet{1} << setup_.thread;
    setup_.pool.wake(mail & ~own);
    if ((mail & own) != 0) {
        (void)take_grants();
    }
}

bool Workers::take_grants() {
    bool took = false;
    while (queue::Ticket* ticket = setup_.pool.queue.take(setup_.thread)) {
        took = true;
        give(static_cast<Exchange&>(*ticket), static_cast<WorkerSlot&>(*ticket->slot()));
    }
    return took;
}

void Workers::give(Exchange& exchange, WorkerSlot& slot) {
    Worker& worker = *slot.worker;
    Link* link = find(worker.id);
    // It is served once all threads have attached it, and buried here after its slots are gone from the queue.
    FETTLE_ASSERT(link != nullptr, "a request was granted to a worker this thread does not know");
    if (worker.broken) {
        // Its slots drain, also one that was added after declare_broken(): the request goes to another worker.
        const queue::ThreadSet mail = setup_.pool.queue.drain_slot(slot, setup_.thread, now());
        serve(mail | setup_.pool.queue.requeue(exchange, now()));
        return;
    }
    Lane& lane = *link->lanes()[slot.lane];
    add_to_busy(lane);
    lane.submit(exchange);
    if (++submitted_ >= kSubmittedPerBell) {
        submitted_ = 0;
        for (Lane* busy : busy_) {
            busy->ring_if_pushed_elsewhere();
        }
    }
    if (worker.quota > 0 && worker.dispatched.fetch_add(1) + 1 == worker.quota) {
        report(WorkerEvent::Kind::QuotaSpent, worker);
    }
}

void Workers::ring_bells() {
    submitted_ = 0;
    for (Lane* lane : busy_) {
        lane->ring_if_pushed();
    }
}

void Workers::add_to_busy(Lane& lane) {
    if (!lane.in_busy_list) {
        lane.in_busy_list = true;
        busy_.push_back(&lane);
    }
}

void Workers::expire(TimePoint now) {
    queue::PoolQueue& queue = setup_.pool.queue;
    while (queue::Ticket* ticket = queue.take_expired(setup_.thread, now)) {
        static_cast<Exchange*>(ticket)->client->on_failure(Failure::QueueTimeout, queue.retry_after());
    }
    while (queue::Ticket* ticket = queue.take_overdue(setup_.thread, now)) {
        auto& exchange = static_cast<Exchange&>(*ticket);
        Worker& worker = exchange.lane->link().worker();
        if (exchange.lane->take_back(exchange)) {
            put_back(worker, exchange);
        }
    }
}

// ---- commands

void Workers::attach(const std::shared_ptr<Worker>& worker) {
    auto link = Link::create(setup_.loop, worker, setup_.thread);
    if (!link) {
        log::error("cannot serve a worker seat={} incarnation={} reason='{}', it is to be replaced", worker->id.seat,
                   worker->id.incarnation, link.error().message());
        report(WorkerEvent::Kind::CannotServe, *worker);
        return;
    }
    links_.push_back(std::move(*link));
    report(WorkerEvent::Kind::Attached, *worker);
}

void Workers::recall(ipc::WorkerId id) {
    Link* link = find(id);
    if (link == nullptr) {
        return;
    }
    for (const auto& lane : link->lanes()) {
        for (Exchange* exchange : lane->exchanges()) {
            // The list is a copy: putting one back may dispatch others, here or elsewhere, but ends none of these.
            if (exchange->lane == lane.get() && lane->take_back(*exchange)) {
                put_back(link->worker(), *exchange);
            }
        }
    }
    report_if_drained(link->worker());
}

void Workers::put_back(Worker& worker, Exchange& exchange) {
    if (exchange.client == nullptr) {
        drop(worker, exchange);
        return;
    }
    exchange.body.rewind();
    exchange.recalled = false;
    exchange.seat.reset();
    exchange.worker_pid = 0;
    serve(setup_.pool.queue.requeue(exchange, now()));
    report_if_drained(worker);
}

// The exchange has left its lane and will not be answered by a worker.
void Workers::drop(Worker& worker, Exchange& exchange) {
    serve(setup_.pool.queue.forget(exchange, now()));
    setup_.exchanges.release_if_ended(exchange);
    report_if_drained(worker);
}

void Workers::report_if_drained(Worker& worker) {
    if (worker.draining && worker.idle(setup_.pool.queue) && !worker.drained.exchange(true)) {
        report(WorkerEvent::Kind::Drained, worker);
    }
}

void Workers::report(WorkerEvent::Kind kind, const Worker& worker) {
    setup_.pool.control->post(WorkerEvent{kind, worker.id});
}

void Workers::declare_broken(Link& link, ipc::Violation violation) {
    Worker& worker = link.worker();
    if (worker.broken.exchange(true)) {
        return;
    }
    setup_.pool.control->post(WorkerViolation{worker.id, violation});  // the supervisor ends it, and says so
    queue::ThreadSet mail = 0;
    for (WorkerSlot& slot : worker.slots) {
        mail |= setup_.pool.queue.drain_slot(slot, setup_.thread, now());
    }
    serve(mail);  // not before all are drained: a grant to one of them would come straight back
}

Link* Workers::find(ipc::WorkerId id) {
    if (found_ == nullptr || found_->worker().id != id) {
        const auto found =
                std::find_if(links_.begin(), links_.end(), [&](const auto& link) { return link->worker().id == id; });
        found_ = found == links_.end() ? nullptr : found->get();
    }
    return found_;
}

}  // namespace fettle::balancer
