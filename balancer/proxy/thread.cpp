#include "balancer/proxy/thread.h"

#include <algorithm>
#include <utility>

namespace fettle::balancer {

namespace {

// All shares together are http.max_connections; there are at most as many threads (config/validate.cpp).
std::size_t share_of_connections(const config::Config& config, std::size_t threads, unsigned thread) {
    const auto most = static_cast<std::size_t>(std::max(1, config.http.max_connections));
    return most / threads + (thread < most % threads ? 1 : 0);
}

}  // namespace

BalancerThread::BalancerThread(const Setup& setup)
    : setup_(setup),
      clock_(setup.clock),
      mailbox_(loop_, [this] { on_mail(); }),
      workers_({.loop = loop_, .clock = clock_, .pool = setup.pool, .exchanges = exchanges_, .thread = setup.index}),
      clients_(
              {
                      .loop = loop_,
                      .clock = clock_,
                      .config = setup.config,
                      .exchanges = exchanges_,
                      .access_format = setup.access_format,
                      .access_log = setup.access_log,
                      .spool_directory = setup.spool_directory,
                      .first_request_id = setup.first_request_id,
              },
              workers_),
      listeners_({
              .loop = loop_,
              .clock = clock_,
              .on_connection =
                      [this](Fd socket, Address client, const Address& server) {
                          clients_.adopt(std::move(socket), std::move(client), server);
                      },
              .connections = [this] { return clients_.connections(); },
              .max_connections = share_of_connections(setup.config, setup.pool.peers.size(), setup.index),
              .threads = static_cast<unsigned>(setup.pool.peers.size()),
      }),
      timer_(loop_, [this] { on_timer(); }),
      hooks_(
              loop_, [this] { return before_sleep(); }, [this] { after_sleep(); }) {
    setup_.pool.peers[setup_.index].mailbox = &mailbox_;
}

BalancerThread::~BalancerThread() {
    clients_.close_all();
    workers_.abandon_all();
}

Result<void> BalancerThread::listen(std::span<const int> sockets) {
    for (const int socket : sockets) {
        FETTLE_CHECK_OK(listeners_.add(socket));
    }
    return {};
}

// ---- commands

void BalancerThread::on_mail() {
    for (const Command& command : mailbox_.take()) {
        std::visit([this](const auto& known) { handle(known); }, command);
    }
}

void BalancerThread::handle(const AttachWorker& command) {
    workers_.attach(command.worker);
}

void BalancerThread::handle(const RecallWorker& command) {
    workers_.recall(command.worker);
}

void BalancerThread::handle(const BuryWorker& command) {
    workers_.bury(command.worker);
}

void BalancerThread::handle(const Accept& /*command*/) {
    quiet_wanted_.reset();
    clients_.resume();
    listeners_.start();
}

void BalancerThread::handle(const StopAccept& command) {
    quiet_wanted_ = command.round;
    listeners_.stop();
    clients_.stop();
}

void BalancerThread::handle(const Exit& /*command*/) {
    listeners_.stop();
    clients_.close_all();
    workers_.abandon_all();
    loop_.stop();
}

// ---- the turn of the loop

bool BalancerThread::before_sleep() {
    clients_.end_turn();
    listeners_.reconsider();
    report_if_quiet();
    // The order matters: whoever grants to us after this look at the queue finds us parked, and rings (Pool::wake).
    setup_.pool.peers[setup_.index].parked = true;
    if (workers_.take_grants()) {
        clients_.end_turn();  // what the grants led to is sent before we sleep
        report_if_quiet();
    }
    const bool may_sleep = workers_.prepare_sleep() && !clients_.has_input();
    arm_timer();
    clock_.advance();
    return !may_sleep;
}

void BalancerThread::after_sleep() {
    setup_.pool.peers[setup_.index].parked = false;
    clock_.advance();
    workers_.harvest();
}

void BalancerThread::arm_timer() {
    std::optional<TimePoint> due = clients_.deadlines().next();
    if (const auto queue_due = setup_.pool.queue.next_deadline(setup_.index);
        queue_due && (!due || *queue_due < *due)) {
        due = queue_due;
    }
    // A timer that fires too early costs less than moving it with every request.
    if (due && (!timer_due_ || *due < *timer_due_)) {
        timer_due_ = due;
        timer_.start(std::max(Duration::zero(), *due - clock_.now()));
    }
}

void BalancerThread::on_timer() {
    timer_due_.reset();
    const TimePoint now = clock_.now();
    clients_.deadlines().expire(now);
    workers_.expire(now);
}

void BalancerThread::report_if_quiet() {
    if (quiet_wanted_ && clients_.quiet()) {
        setup_.pool.control->post(ThreadQuiet{setup_.index, *quiet_wanted_});
        quiet_wanted_.reset();
    }
}

}  // namespace fettle::balancer
