#include "base/logging/logging.h"

#include "base/json_text.h"
#include "base/logging/fields.h"
#include "base/logging/line_queue.h"

#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <unistd.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <utility>

namespace fettle::logging {

namespace {

constexpr std::size_t kQueueLines = 8192;

spdlog::level::level_enum to_spdlog(log::Level level) {
    switch (level) {
        case log::Level::Debug:
            return spdlog::level::debug;
        case log::Level::Info:
            return spdlog::level::info;
        case log::Level::Warning:
            return spdlog::level::warn;
        case log::Level::Error:
            return spdlog::level::err;
    }
    return spdlog::level::info;
}

// The line as members of a JSON object: the text, and its fields on their own.
class JsonMembers final : public spdlog::custom_flag_formatter {
  public:
    void format(const spdlog::details::log_msg& message, const std::tm&, spdlog::memory_buf_t& out) override {
        const std::string_view line(message.payload.data(), message.payload.size());
        const std::string members = "\"message\":" + json_string(line) + ",\"fields\":" + fields_as_json(line);
        out.append(members.data(), members.data() + members.size());
    }

    [[nodiscard]] std::unique_ptr<custom_flag_formatter> clone() const override {
        return std::make_unique<JsonMembers>();
    }
};

// A write that fails (full disk, closed pipe) must not raise and must not flood: one line a minute goes to standard
// error, directly.
void report_write_failure(const std::string& what) {
    static std::atomic<std::int64_t> next_report{0};
    const auto now =
            std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now().time_since_epoch())
                    .count();
    std::int64_t due = next_report.load();
    if (now < due || !next_report.compare_exchange_strong(due, now + 60)) {
        return;
    }
    const std::string line = "fettle: cannot write a log: " + what +
                             " (lines are lost; free space or fix the path; repeated at most once a minute)\n";
    [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, line.data(), line.size());
}

class QueueSink final : public log::Sink {
  public:
    QueueSink(LineQueue& queue, log::Level level) : queue_(queue), level_(level) {}

    [[nodiscard]] bool enabled(log::Level level) const override { return level >= level_; }

    void write(log::Level level, std::string_view line) override { queue_.push(LineQueue::Target::Main, level, line); }

  private:
    LineQueue& queue_;
    const log::Level level_;
};

class QueueLines final : public log::LineSink {
  public:
    explicit QueueLines(LineQueue& queue) : queue_(queue) {}

    void write(std::string_view line) override { queue_.push(LineQueue::Target::Access, log::Level::Info, line); }

  private:
    LineQueue& queue_;
};

template <class StdSink>
Result<spdlog::sink_ptr> make_sink(const std::string& file, const char* option) {
    if (file == "-") {
        return spdlog::sink_ptr(std::make_shared<StdSink>());
    }
    try {
        return spdlog::sink_ptr(std::make_shared<spdlog::sinks::basic_file_sink_mt>(file));
    } catch (const spdlog::spdlog_ex& error) {
        return Error{std::string(option) + ": cannot open '" + file + "' for appending (" + error.what() +
                     "); create its directory and make it writable, or choose another file"};
    }
}

// Writes each line at once, in the caller's thread.
std::unique_ptr<spdlog::logger> make_logger(spdlog::sink_ptr sink) {
    auto logger = std::make_unique<spdlog::logger>("fettle", std::move(sink));
    logger->set_error_handler(report_write_failure);
    logger->set_level(spdlog::level::trace);  // who logs has chosen
    logger->flush_on(spdlog::level::trace);
    return logger;
}

}  // namespace

struct Logging::State {
    LineQueue queue{kQueueLines};
    std::unique_ptr<spdlog::logger> main;
    std::unique_ptr<spdlog::logger> access;  // set before the first line for it is queued, which publishes it
    std::unique_ptr<QueueSink> sink;
    std::unique_ptr<QueueLines> lines;
    std::thread writer;

    void write_lines() {
        LineQueue::Line line;
        while (queue.pop(line)) {
            spdlog::logger& logger = line.target == LineQueue::Target::Main ? *main : *access;
            logger.log(line.time, spdlog::source_loc{}, to_spdlog(line.level), line.text);
        }
    }
};

Logging::Logging() : state_(std::make_unique<State>()) {}

Result<std::unique_ptr<Logging>> Logging::start(const Options& options) {
    auto sink = make_sink<spdlog::sinks::stderr_sink_mt>(options.file, "log.file");
    if (!sink) {
        return std::move(sink).error();
    }
    std::unique_ptr<Logging> logging(new Logging);
    State& state = *logging->state_;
    state.main = make_logger(std::move(*sink));
    auto formatter = std::make_unique<spdlog::pattern_formatter>();
    if (options.json) {
        formatter->add_flag<JsonMembers>('*').set_pattern(
                R"({"time":"%Y-%m-%dT%H:%M:%S.%e%z","level":"%l","process":")" + options.process + R"(","pid":%P,%*})");
    } else {
        formatter->set_pattern("%Y-%m-%d %H:%M:%S.%e %z [%P] " + options.process + " %l: %v");
    }
    state.main->set_formatter(std::move(formatter));
    state.sink = std::make_unique<QueueSink>(state.queue, options.level);
    state.writer = std::thread([&state] { state.write_lines(); });
    log::set_sink(state.sink.get());
    return logging;
}

Logging::~Logging() {
    log::set_sink(nullptr);
    state_->queue.close();
    if (state_->writer.joinable()) {
        state_->writer.join();
    }
}

Result<log::LineSink*> Logging::open_access_log(const std::string& file) {
    auto sink = make_sink<spdlog::sinks::stdout_sink_mt>(file, "log.access");
    if (!sink) {
        return std::move(sink).error();
    }
    state_->access = make_logger(std::move(*sink));
    state_->access->set_pattern("%v");
    state_->lines = std::make_unique<QueueLines>(state_->queue);
    return static_cast<log::LineSink*>(state_->lines.get());
}

std::uint64_t Logging::dropped() const {
    return state_->queue.dropped();
}

}  // namespace fettle::logging
