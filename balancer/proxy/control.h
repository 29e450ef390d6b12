// Control: the balancer's end of the supervisor's control socket. It makes the channels of workers, tells all threads
// what to do and reports what they say. Lives on one thread's loop.
#pragma once

#include "balancer/proxy/mailbox.h"
#include "balancer/proxy/pool.h"
#include "balancer/proxy/worker.h"
#include "base/clock.h"
#include "base/result.h"
#include "ipc/control.h"
#include "ipc/control_outbox.h"
#include "loop/loop.h"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

namespace fettle::balancer {

class Control {
  public:
    // Everything referred to must outlive the object, which must outlive the threads' runs.
    struct Setup {
        loop::Loop& loop;
        const Clock& clock;
        Pool& pool;
        ipc::ControlSocket socket;
        std::uint32_t incarnation = 0;
        Duration graceful{0};  // for the requests under way when the socket ends
    };

    explicit Control(Setup setup);
    Control(const Control&) = delete;
    Control& operator=(const Control&) = delete;
    ~Control();

    // Begins to listen to the supervisor and reports BalancerReady. The threads' mailboxes exist.
    Result<void> start();

  private:
    struct Entry {
        std::shared_ptr<Worker> worker;
        unsigned attached = 0;             // threads
        std::vector<WorkerSlot*> pending;  // to be added to the queue once the worker has attached their lanes
    };

    void on_ready(loop::Readiness readiness);
    void on_readable();
    void send_waiting();
    void handle(const ipc::Envelope& envelope);
    void prepare(const ipc::PrepareWorker& message);
    void serve(const ipc::ServeWorker& message);
    void add_attached_slots(Entry& entry);
    void look_for_attached_slots();
    void drain(ipc::WorkerId id);
    void bury(ipc::WorkerId id);
    void stop_accepting();

    void on_events();
    void on_event(const WorkerEvent& event);
    void on_event(const WorkerViolation& event);
    void on_event(const ThreadQuiet& event);
    void on_attached(Entry& entry);

    [[nodiscard]] Entry* find(ipc::WorkerId id);
    void tell_all(const Command& command);
    void end(std::string_view reason);

    [[nodiscard]] bool all_quiet() const { return quiet_ == setup_.pool.peers.size(); }

    template <class Message>
    void send(const Message& message, std::span<const int> fds = {});

    Setup setup_;
    Mailbox<Event> events_;
    std::optional<loop::Poll> poll_;
    ipc::ControlOutbox outbox_;  // what the supervisor has not read yet: it may be busy, or stopped by a debugger
    loop::Timer send_again_;
    loop::Timer graceful_;
    loop::Timer look_again_;  // for pending slots
    Duration look_again_in_{0};
    std::map<std::uint32_t, Entry> workers_;  // by incarnation, which never repeats
    std::uint32_t stop_round_ = 0;            // counts the StopAccepts
    std::size_t quiet_ = 0;                   // threads that have finished everything since the last of them
    bool stopping_ = false;                   // no connections are accepted
    bool ending_ = false;                     // the supervisor is gone, or wants us to go
};

}  // namespace fettle::balancer
