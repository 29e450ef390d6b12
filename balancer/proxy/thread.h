// BalancerThread: one loop with its connections, its lanes of all workers, its timers. Threads share the Pool and
// nothing else.
#pragma once

#include "balancer/http/access_log.h"
#include "balancer/proxy/clients.h"
#include "balancer/proxy/exchange.h"
#include "balancer/proxy/listeners.h"
#include "balancer/proxy/mailbox.h"
#include "balancer/proxy/pool.h"
#include "balancer/proxy/turn_clock.h"
#include "balancer/proxy/workers.h"
#include "base/clock.h"
#include "base/log.h"
#include "config/schema.h"
#include "loop/loop.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace fettle::balancer {

class BalancerThread {
  public:
    // Everything referred to must outlive the thread.
    struct Setup {
        Pool& pool;
        unsigned index = 0;
        const Clock& clock;
        const config::Config& config;
        const http::AccessFormat* access_format = nullptr;  // both, or neither
        log::LineSink* access_log = nullptr;
        std::string spool_directory;
        std::uint64_t first_request_id = 0;
    };

    explicit BalancerThread(const Setup& setup);
    BalancerThread(const BalancerThread&) = delete;
    BalancerThread& operator=(const BalancerThread&) = delete;
    ~BalancerThread();

    // The sockets must stay open as long as the thread lives.
    Result<void> listen(std::span<const int> sockets);

    // On its own thread: until the command Exit.
    void run() { loop_.run(); }

    // For what else lives on this loop.
    [[nodiscard]] loop::Loop& loop() { return loop_; }

  private:
    void on_mail();
    void handle(const AttachWorker& command);
    void handle(const RecallWorker& command);
    void handle(const BuryWorker& command);
    void handle(const Accept& command);
    void handle(const StopAccept& command);
    void handle(const Exit& command);

    [[nodiscard]] bool before_sleep();
    void after_sleep();
    void arm_timer();
    void on_timer();
    void report_if_quiet();

    Setup setup_;
    TurnClock clock_;
    loop::Loop loop_;
    Mailbox<Command> mailbox_;
    ExchangePool exchanges_;
    Workers workers_;
    Clients clients_;
    Listeners listeners_;
    loop::Timer timer_;
    std::optional<TimePoint> timer_due_;
    loop::TurnHooks hooks_;
    std::optional<std::uint32_t> quiet_wanted_;  // the round of a StopAccept that was not answered yet
};

}  // namespace fettle::balancer
