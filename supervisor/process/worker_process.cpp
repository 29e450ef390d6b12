#include "supervisor/process/worker_process.h"

#include "base/log.h"
#include "supervisor/process/zygote_process.h"

#include <utility>

namespace fettle::supervisor {

Result<std::unique_ptr<WorkerProcess>> WorkerProcess::fork(Surroundings& surroundings, core::Ref who,
                                                           ZygoteProcess& zygote, std::function<bool()> zygote_lives) {
    FETTLE_TRY(pair, ipc::ControlSocket::make_pair());
    std::unique_ptr<WorkerProcess> worker(new WorkerProcess(surroundings, who));
    worker->zygote_lives_ = std::move(zygote_lives);
    FETTLE_CHECK_OK(worker->open_control(std::move(pair.first)));
    // If the zygote cannot be asked, its end of the pair closes here, and the end of the socket tells the rest.
    (void)zygote.fork_worker(who.id, pair.second);
    return worker;
}

Result<std::unique_ptr<WorkerProcess>> WorkerProcess::start(Surroundings& surroundings, core::Ref who,
                                                            const PythonSetup& python) {
    FETTLE_TRY(pair, ipc::ControlSocket::make_pair());
    std::unique_ptr<WorkerProcess> worker(new WorkerProcess(surroundings, who));
    FETTLE_CHECK_OK(worker->open_control(std::move(pair.first)));
    FETTLE_CHECK_OK(worker->exec(python_request(python, PythonRole::Worker, pair.second.fd(), who.id)));
    return worker;
}

void WorkerProcess::on_message(ipc::Envelope& envelope) {
    if (!alive() && !make_known(envelope.sender_pid)) {
        return;
    }
    if (envelope.sender_pid != pid()) {
        broke_protocol("another process speaks in its place");
        return;
    }
    if (!envelope.fds.empty()) {
        broke_protocol("descriptors, which no message of a worker has");
        return;
    }
    if (const auto hello = envelope.as<ipc::Hello>(); hello && hello->worker == who().id) {
        post(core::input::Hello{who()});
    } else if (const auto ready = envelope.as<ipc::Ready>(); ready && ready->worker == who().id) {
        post(core::input::Ready{who()});
    } else if (const auto attached = envelope.as<ipc::Attached>(); attached && attached->worker == who().id) {
        post(core::input::Attached{who().id, attached->balancer_incarnation});
    } else if (const auto leaving = envelope.as<ipc::Leaving>(); leaving && leaving->worker == who().id) {
        log::info("worker asks to leave seat={} pid={} incarnation={} reason='{}'", who().id.seat, pid(),
                  who().id.incarnation,
                  leaving->signal != 0 ? signal_name(static_cast<int>(leaving->signal)) : "its own");
        post(core::input::Leaving{who().id});
    } else if (const auto load_failed = envelope.as<ipc::LoadFailed>()) {
        keep_load_failure(*load_failed);
    } else {
        broke_protocol("an unknown message");
    }
}

// The first message of a forked worker tells its pid, by the kernel's word on the sender: the worker was a grandchild
// of the zygote and has become our child before it speaks.
bool WorkerProcess::make_known(pid_t sender) {
    if (pid() != 0) {
        return true;  // dead: these are its last words
    }
    const auto adopted = adopt(sender);
    if (!adopted) {
        log::error("worker seat={} incarnation={} cannot be watched: {}", who().id.seat, who().id.incarnation,
                   adopted.error().message());
        close_control();  // it sees the end of its control socket and leaves
        post(core::input::SpawnFailed{who()});
    }
    return adopted.has_value();
}

void WorkerProcess::on_closed() {
    if (pid() != 0) {
        Child::on_closed();
    } else if (zygote_lives_()) {
        log::error("worker seat={} incarnation={} died before it could say Hello", who().id.seat, who().id.incarnation);
        post(core::input::SpawnFailed{who()});
    } else {
        post(core::input::SpawnLost{who().id});
    }
}

void WorkerProcess::keep_channels(const ipc::WorkerPrepared& message, std::vector<Fd> fds) {
    served_before_ = served();
    scoreboard_.reset();
    const int response_file = fds[1].get();
    auto reader = ipc::ScoreboardReader::map(response_file, {.threads = message.threads, .lanes = message.lanes});
    if (reader) {
        scoreboard_.emplace(std::move(*reader));
    } else {
        log::warning("worker seat={}: its counters cannot be read: {}", who().id.seat, reader.error().message());
    }
    balancer_ = message.balancer_incarnation;
    channels_ = Channels{message, std::move(fds)};
}

void WorkerProcess::attach(std::uint32_t slots) {
    if (!channels_) {
        return;
    }
    std::vector<int> fds;
    for (const Fd& fd : channels_->fds) {
        fds.push_back(fd.get());
    }
    const ipc::WorkerPrepared& description = channels_->description;
    (void)send(ipc::Attach{.worker = who().id,
                           .balancer_incarnation = description.balancer_incarnation,
                           .threads = description.threads,
                           .lanes = description.lanes,
                           .slots = slots},
               fds);
    channels_.reset();
}

void WorkerProcess::stop() {
    (void)send(ipc::StopWorker{.worker = who().id});
}

std::uint64_t WorkerProcess::served() const {
    return served_before_ + (scoreboard_ ? scoreboard_->total().finished : 0);
}

bool WorkerProcess::served_through(std::uint32_t balancer) const {
    return balancer_ == balancer && scoreboard_ && scoreboard_->total().finished > 0;
}

}  // namespace fettle::supervisor
