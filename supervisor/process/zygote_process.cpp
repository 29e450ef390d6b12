#include "supervisor/process/zygote_process.h"

#include "base/log.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

namespace fettle::supervisor {

Result<std::unique_ptr<ZygoteProcess>> ZygoteProcess::start(Surroundings& surroundings, core::Ref who,
                                                            const PythonSetup& python) {
    FETTLE_TRY(pair, ipc::ControlSocket::make_pair());
    std::unique_ptr<ZygoteProcess> zygote(new ZygoteProcess(surroundings, who));
    FETTLE_CHECK_OK(zygote->open_control(std::move(pair.first)));
    FETTLE_CHECK_OK(zygote->exec(python_request(python, PythonRole::Zygote, pair.second.fd())));
    return zygote;
}

bool ZygoteProcess::fork_worker(core::WorkerId worker, const ipc::ControlSocket& control) {
    const int fds[] = {control.fd()};
    return send(ipc::ForkWorker{.worker = worker}, fds);
}

void ZygoteProcess::on_message(ipc::Envelope& envelope) {
    if (const auto zygote_ready = envelope.as<ipc::ZygoteReady>()) {
        ready(*zygote_ready);
    } else if (const auto load_failed = envelope.as<ipc::LoadFailed>()) {
        keep_load_failure(*load_failed);
    } else if (const auto fork_failed = envelope.as<ipc::ForkFailed>()) {
        log::error("worker seat={} incarnation={} cannot be forked: {}", fork_failed->worker.seat,
                   fork_failed->worker.incarnation, std::strerror(fork_failed->error));
        post(core::input::ForkFailed{fork_failed->worker});
    } else {
        broke_protocol("an unknown message");
    }
}

// The text is the interpreter's name; with threads left, their names follow, one per line.
void ZygoteProcess::ready(const ipc::ZygoteReady& message) {
    const std::string_view text = message.text.view();
    const std::size_t line_end = std::min(text.find('\n'), text.size());
    log::info("application imported pid={} incarnation={} interpreter='{}' took={}ms", pid(), who().id.incarnation,
              text.substr(0, line_end), message.import_ms);
    if (message.tasks > 1) {
        std::string names(text.substr(std::min(line_end + 1, text.size())));
        std::replace(names.begin(), names.end(), '\n', ' ');
        log::warning(
                "the import of the application left {} behind, so it cannot be forked: every worker imports it by "
                "itself "
                "threads='{}'",
                message.tasks == 2 ? "a thread" : std::to_string(message.tasks - 1) + " threads", names);
    }
    post(core::input::Ready{who(), message.tasks});
}

}  // namespace fettle::supervisor
