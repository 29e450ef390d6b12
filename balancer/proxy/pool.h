// What the threads of a balancer share: the queue, and the ways to reach each other.
#pragma once

#include "balancer/proxy/mailbox.h"
#include "balancer/proxy/worker.h"
#include "balancer/queue/pool_queue.h"
#include "ipc/control.h"
#include "ipc/violation.h"

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <variant>
#include <vector>

namespace fettle::balancer {

// ---- to a thread

struct AttachWorker {
    std::shared_ptr<Worker> worker;
};

struct RecallWorker {  // take its unclaimed requests back
    ipc::WorkerId worker;
};

struct BuryWorker {  // it is dead
    ipc::WorkerId worker;
};

struct Accept {};  // start accepting connections

struct StopAccept {  // accept what waits, finish all requests, close all connections, then report ThreadQuiet
    std::uint32_t round;
};

struct Exit {};  // close everything and leave the loop

using Command = std::variant<AttachWorker, RecallWorker, BuryWorker, Accept, StopAccept, Exit>;

// ---- from a thread, to the control side

struct WorkerEvent {
    enum class Kind { Attached, QuotaSpent, Drained, CannotServe };
    Kind kind;
    ipc::WorkerId worker;
};

struct WorkerViolation {
    ipc::WorkerId worker;
    ipc::Violation violation;
};

struct ThreadQuiet {
    unsigned thread;
    std::uint32_t round;  // of the StopAccept it answers
};

using Event = std::variant<WorkerEvent, WorkerViolation, ThreadQuiet>;

struct Pool {
    // How to reach a thread.
    struct Peer {
        Mailbox<Command>* mailbox = nullptr;
        std::atomic<bool> parked{false};  // it sleeps, or is about to and has yet to look for grants
    };

    Pool(queue::PoolQueue::Settings settings, unsigned thread_count)
        : queue(settings, thread_count), peers(thread_count) {}

    // Wakes those threads of `mail` that sleep.
    void wake(queue::ThreadSet mail) {
        for (unsigned thread = 0; mail != 0; ++thread, mail >>= 1) {
            // A thread that is not parked yet looks for grants after it has parked (thread.cpp): the queue's mutex
            // orders the two.
            if ((mail & 1) != 0 && peers[thread].parked.exchange(false)) {
                peers[thread].mailbox->ring();
            }
        }
    }

    queue::PoolQueue queue;
    std::vector<Peer> peers;            // filled before the threads run
    Mailbox<Event>* control = nullptr;  // likewise
};

}  // namespace fettle::balancer
