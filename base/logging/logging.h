// The log and the access log: one thread per process writes what waits in a bounded queue (the oldest line is dropped,
// drops are counted), so that a stalled disk or pipe never stalls a loop. Start it before forking is over in this
// process and before any sandbox; never use it between fork and exec.
#pragma once

#include "base/log.h"
#include "base/result.h"

#include <cstdint>
#include <memory>
#include <string>

namespace fettle::logging {

struct Options {
    log::Level level = log::Level::Info;
    bool json = false;       // one JSON object per line instead of text
    std::string file = "-";  // "-": standard error
    std::string process;     // who speaks: "supervisor", "balancer"
};

// Owns the log thread and both sinks. Destroying it flushes what is queued (bounded wait is not possible with a blocked
// disk).
class Logging {
  public:
    // Opens the file for appending; an Error names it and what to do. On success the sink is installed (log::set_sink).
    static Result<std::unique_ptr<Logging>> start(const Options& options);
    Logging(const Logging&) = delete;
    Logging& operator=(const Logging&) = delete;
    ~Logging();

    // The access log. `file`: "-" is standard output.
    Result<log::LineSink*> open_access_log(const std::string& file);

    // Lines dropped so far because the log thread fell behind.
    [[nodiscard]] std::uint64_t dropped() const;

  private:
    Logging();
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace fettle::logging
