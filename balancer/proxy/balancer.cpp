#include "balancer/proxy/balancer.h"

#include "balancer/http/access_log.h"
#include "balancer/proxy/control.h"
#include "balancer/proxy/pool.h"
#include "balancer/proxy/thread.h"
#include "base/clock.h"
#include "config/schema.h"
#include "ipc/layout.h"

#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

namespace fettle::balancer {

namespace {

static_assert(config::kMaxHttpThreads <= ipc::kMaxThreads && config::kMaxHttpThreads <= queue::kMaxThreads);

Duration to_duration(config::Seconds seconds) {
    return std::chrono::duration_cast<Duration>(seconds);
}

std::string spool_directory(const config::Http& http) {
    if (!http.spool_dir.empty()) {
        return http.spool_dir;
    }
    const char* temporary = ::secure_getenv("TMPDIR");
    return temporary != nullptr && *temporary != '\0' ? temporary : "/tmp";
}

// Said once at the start, not only when the first large upload fails.
void check_spool_directory(const std::string& directory) {
    if (::access(directory.c_str(), W_OK | X_OK) != 0) {
        log::warning(
                "request bodies over http.body_buffer_bytes will be refused: the balancer cannot write to '{}' "
                "reason='{}', "
                "set http.spool_dir",
                directory, errno_error("access").code.message());
    }
}

// Ids of two starts of a balancer should not meet.
Result<std::uint64_t> random_number() {
    std::uint64_t number = 0;
    if (::getrandom(&number, sizeof(number), 0) != static_cast<ssize_t>(sizeof(number))) {
        return errno_error("cannot get random bytes");
    }
    return number;
}

queue::PoolQueue::Settings queue_settings(const config::Queue& queue) {
    return {.max_length = static_cast<std::uint32_t>(std::max(0, queue.max_length)),
            .timeout = to_duration(queue.timeout)};
}

}  // namespace

Result<void> serve(BalancerSetup setup) {
    const config::Config config = std::move(setup.config);
    const auto thread_count = static_cast<unsigned>(std::max(1, config.http.threads));
    const SteadyClock clock;
    std::optional<http::AccessFormat> access_format;
    if (setup.access_log != nullptr) {
        FETTLE_TRY(format, http::AccessFormat::compile(config.log.access_format));
        access_format = std::move(format);
    }
    FETTLE_TRY(first_request_id, random_number());
    const std::string spool = spool_directory(config.http);
    check_spool_directory(spool);
    std::vector<int> sockets;
    std::transform(setup.listeners.begin(), setup.listeners.end(), std::back_inserter(sockets),
                   [](const Fd& fd) { return fd.get(); });

    Pool pool(queue_settings(config.queue), thread_count);
    std::vector<std::unique_ptr<BalancerThread>> threads;
    for (unsigned index = 0; index < thread_count; ++index) {
        threads.push_back(std::make_unique<BalancerThread>(BalancerThread::Setup{
                .pool = pool,
                .index = index,
                .clock = clock,
                .config = config,
                .access_format = access_format ? &*access_format : nullptr,
                .access_log = setup.access_log,
                .spool_directory = spool,
                .first_request_id = first_request_id + (std::uint64_t{index} << 56),
        }));
        FETTLE_CHECK_OK(threads.back()->listen(sockets));
    }
    Control control({
            .loop = threads.front()->loop(),
            .clock = clock,
            .pool = pool,
            .socket = ipc::ControlSocket(std::move(setup.control)),
            .incarnation = setup.incarnation,
            .graceful = to_duration(config.timeouts.graceful),
    });
    FETTLE_CHECK_OK(control.start());

    std::vector<std::jthread> others;
    for (unsigned index = 1; index < thread_count; ++index) {
        try {
            others.emplace_back([&thread = *threads[index]] { thread.run(); });
        } catch (const std::system_error& error) {
            for (unsigned started = 1; started < index; ++started) {
                pool.peers[started].mailbox->post(Exit{});
            }
            return errno_error("cannot start a thread, http.threads is " + std::to_string(thread_count),
                               error.code().value());
        }
    }
    threads.front()->run();
    return {};
}

}  // namespace fettle::balancer
