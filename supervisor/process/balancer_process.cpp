#include "supervisor/process/balancer_process.h"

#include "base/log.h"

#include <fmt/format.h>

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace fettle::supervisor {

namespace {

constexpr int kControlTarget = 3;
constexpr int kConfigTarget = 4;
constexpr int kFirstListenerTarget = 5;

// The configuration in a memory file whose offset is at its start.
Result<Fd> config_file(const std::string& json) {
    Fd file(::memfd_create("fettle-config", MFD_CLOEXEC));
    if (!file.valid()) {
        return errno_error("cannot create a memory file for the configuration");
    }
    std::size_t written = 0;
    while (written < json.size()) {
        const ssize_t count =
                ::pwrite(file.get(), json.data() + written, json.size() - written, static_cast<off_t>(written));
        if (count < 0 && errno != EINTR) {
            return errno_error("cannot write the configuration into a memory file");
        }
        written += count > 0 ? static_cast<std::size_t>(count) : 0;
    }
    return file;
}

SpawnRequest balancer_request(const BalancerProcess::Setup& setup, std::uint32_t incarnation, int control, int config) {
    SpawnRequest request;
    request.executable = setup.executable;
    request.fds = {{control, kControlTarget}, {config, kConfigTarget}};
    std::string listener_fds;
    int target = kFirstListenerTarget;
    for (const int listener : setup.listeners) {
        listener_fds += (listener_fds.empty() ? "" : ",") + std::to_string(target);
        request.fds.push_back({listener, target++});
    }
    request.arguments = {"fettle",         "balancer",
                         "--control-fd",   std::to_string(kControlTarget),
                         "--config-fd",    std::to_string(kConfigTarget),
                         "--listener-fds", listener_fds,
                         "--incarnation",  std::to_string(incarnation)};
    return request;  // with an empty environment: it gets nothing that it does not need
}

}  // namespace

BalancerProcess::BalancerProcess(Surroundings& surroundings, core::Ref who, Prepared prepared, Served served)
    : Child(surroundings, who), prepared_(std::move(prepared)), served_(std::move(served)) {}

Result<std::unique_ptr<BalancerProcess>> BalancerProcess::start(Surroundings& surroundings, core::Ref who,
                                                                const Setup& setup, Prepared prepared, Served served) {
    FETTLE_TRY(pair, ipc::ControlSocket::make_pair());
    FETTLE_TRY(config, config_file(setup.config_json));
    std::unique_ptr<BalancerProcess> balancer(
            new BalancerProcess(surroundings, who, std::move(prepared), std::move(served)));
    FETTLE_CHECK_OK(balancer->open_control(std::move(pair.first)));
    FETTLE_CHECK_OK(balancer->exec(balancer_request(setup, who.id.incarnation, pair.second.fd(), config.get())));
    return balancer;
}

void BalancerProcess::on_message(ipc::Envelope& envelope) {
    if (const auto ready = envelope.as<ipc::BalancerReady>()) {
        log::info("balancer ready pid={} incarnation={} took={}ms", pid(), who().id.incarnation,
                  std::chrono::duration_cast<std::chrono::milliseconds>(age()).count());
        post(core::input::Ready{who()});
    } else if (const auto prepared = envelope.as<ipc::WorkerPrepared>()) {
        channels_arrived(*prepared, std::move(envelope.fds));
    } else if (const auto drained = envelope.as<ipc::WorkerDrained>()) {
        post(core::input::Drained{drained->worker});
    } else if (const auto spent = envelope.as<ipc::QuotaSpent>()) {
        post(core::input::QuotaSpent{spent->worker});
    } else if (const auto violation = envelope.as<ipc::ProtocolViolation>()) {
        post(core::input::Violation{violation->worker, who().id.incarnation, violation->violation});
    } else if (const auto unserved = envelope.as<ipc::CannotServe>()) {
        post(core::input::CannotServe{unserved->worker, who().id.incarnation});
    } else if (envelope.as<ipc::Quiesced>()) {
        post(core::input::Quiesced{});
    } else {
        broke_protocol("an unknown message");
    }
}

void BalancerProcess::channels_arrived(const ipc::WorkerPrepared& message, std::vector<Fd> fds) {
    const bool sizes_fit = message.threads >= 1 && message.threads <= ipc::kMaxThreads && message.lanes >= 1 &&
                           message.lanes <= ipc::kMaxLanes &&
                           fds.size() == std::size_t{2} + message.threads + message.lanes;
    if (!sizes_fit || message.balancer_incarnation != who().id.incarnation) {
        broke_protocol("channels that do not fit their description");
        return;
    }
    prepared_(message, std::move(fds));
    post(core::input::Prepared{message.worker, message.balancer_incarnation});
}

}  // namespace fettle::supervisor
