// The workers' side of one balancer thread: it takes grants out of the pool's queue, pushes requests into the lanes of
// workers and brings their responses to the clients. Everything here runs on the thread's loop.
#pragma once

#include "balancer/proxy/exchange.h"
#include "balancer/proxy/lane.h"
#include "balancer/proxy/pool.h"
#include "balancer/proxy/worker.h"
#include "base/clock.h"
#include "ipc/balancer_channel.h"
#include "ipc/control.h"
#include "loop/loop.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace fettle::balancer {

// One worker on this thread.
class Link {
  public:
    // The bell wakes the loop; what rang it is found by harvesting.
    static Result<std::unique_ptr<Link>> create(loop::Loop& loop, std::shared_ptr<Worker> worker, unsigned thread);

    [[nodiscard]] Worker& worker() { return *worker_; }

    [[nodiscard]] std::vector<std::unique_ptr<Lane>>& lanes() { return lanes_; }

    // See ChannelSet::set_asleep().
    void sleep();
    void wake_up();

    [[nodiscard]] bool asleep() const { return asleep_; }

  private:
    Link(std::shared_ptr<Worker> worker, unsigned thread);

    void on_bell(loop::Readiness readiness);

    std::shared_ptr<Worker> worker_;
    unsigned thread_;
    std::vector<std::unique_ptr<Lane>> lanes_;  // of the slots; spares get no requests
    std::optional<loop::Poll> bell_;
    bool asleep_ = false;
};

class Workers final : public Dispatcher {
  public:
    // Everything referred to must outlive the object.
    struct Setup {
        loop::Loop& loop;
        const Clock& clock;
        Pool& pool;
        ExchangePool& exchanges;
        unsigned thread = 0;
    };

    explicit Workers(const Setup& setup) : setup_(setup) {}

    // ---- for the clients
    void dispatch(Exchange& exchange) override;
    void body_progress(Exchange& exchange) override;
    void client_took(Exchange& exchange) override;
    void client_left(Exchange& exchange) override;

    // ---- for the thread, on command of the control side
    void attach(const std::shared_ptr<Worker>& worker);
    void recall(ipc::WorkerId id);
    void bury(ipc::WorkerId id);
    // The balancer ends: forgets all workers and what they run. The clients are gone already.
    void abandon_all();

    // ---- for the thread, in every turn
    // True if there were any: the clients may have something to send.
    bool take_grants();
    void expire(TimePoint now);
    // Wakes the workers that sleep and were given something. One that is woken by its first request would run it, and
    // sleep again before it gets the second: a switch of processes, which costs more than a request, for each.
    void ring_bells();
    // Announces that the thread is about to sleep; false: there is something to do after all.
    [[nodiscard]] bool prepare_sleep();
    // The thread is awake: collects what the workers have answered.
    void harvest();

  private:
    [[nodiscard]] Link* find(ipc::WorkerId id);

    [[nodiscard]] TimePoint now() const { return setup_.clock.now(); }

    void serve(queue::ThreadSet mail);
    void give(Exchange& exchange, WorkerSlot& slot);
    void add_to_busy(Lane& lane);

    void harvest(Lane& lane, std::uint32_t most);
    // These three: how the worker broke the protocol, if it did.
    [[nodiscard]] std::optional<ipc::Violation> deliver(Lane& lane, const ipc::ResponseMessage& message);
    [[nodiscard]] std::optional<ipc::Violation> deliver_drop(Lane& lane, Exchange* exchange);
    [[nodiscard]] static std::optional<ipc::Violation> account(Exchange& exchange, const ipc::ResponseMessage& message,
                                                               std::optional<ipc::ResponseReader>& head);
    void complete(Lane& lane, Exchange& exchange);
    [[nodiscard]] static bool tell_client(Exchange& exchange, const ipc::ResponseMessage& message,
                                          const std::optional<ipc::ResponseReader>& head);

    [[nodiscard]] static bool never_ran(Lane& lane, const Exchange& exchange);
    void put_back(Worker& worker, Exchange& exchange);
    void drop(Worker& worker, Exchange& exchange);
    void drop_link(const Link& link);
    void report_if_drained(Worker& worker);
    void declare_broken(Link& link, ipc::Violation violation);
    void report(WorkerEvent::Kind kind, const Worker& worker);

    Setup setup_;
    std::vector<std::unique_ptr<Link>> links_;
    Link* found_ = nullptr;      // the last that was looked for: where requests are very short it is the next, too
    unsigned submitted_ = 0;     // since ring_bells()
    std::vector<Lane*> busy_;    // lanes from which something may come
    std::vector<Link*> asleep_;  // announced in prepare_sleep()
};

}  // namespace fettle::balancer
