#include "base/logging/logging.h"

#include "base/json_text.h"
#include "base/logging/fields.h"

#include <spdlog/async.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <unistd.h>

#include <atomic>
#include <chrono>

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

class SpdlogSink final : public log::Sink {
  public:
    explicit SpdlogSink(std::shared_ptr<spdlog::logger> logger) : logger_(std::move(logger)) {}

    [[nodiscard]] bool enabled(log::Level level) const override { return logger_->should_log(to_spdlog(level)); }

    void write(log::Level level, std::string_view line) override {
        logger_->log(to_spdlog(level), spdlog::string_view_t(line.data(), line.size()));
    }

  private:
    std::shared_ptr<spdlog::logger> logger_;
};

class SpdlogLines final : public log::LineSink {
  public:
    explicit SpdlogLines(std::shared_ptr<spdlog::logger> logger) : logger_(std::move(logger)) {}

    void write(std::string_view line) override { logger_->info(spdlog::string_view_t(line.data(), line.size())); }

    void flush() { logger_->flush(); }

  private:
    std::shared_ptr<spdlog::logger> logger_;
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

}  // namespace

struct Logging::State {
    std::shared_ptr<spdlog::details::thread_pool> pool = std::make_shared<spdlog::details::thread_pool>(kQueueLines, 1);
    std::shared_ptr<spdlog::logger> main;
    std::unique_ptr<SpdlogSink> sink;
    std::unique_ptr<SpdlogLines> access;

    std::shared_ptr<spdlog::logger> make_logger(spdlog::sink_ptr sink_to_use) const {
        auto logger = std::make_shared<spdlog::async_logger>("fettle", std::move(sink_to_use), pool,
                                                             spdlog::async_overflow_policy::overrun_oldest);
        logger->set_error_handler(report_write_failure);
        return logger;
    }
};

Logging::Logging() : state_(std::make_unique<State>()) {}

Result<std::unique_ptr<Logging>> Logging::start(const Options& options) {
    auto sink = make_sink<spdlog::sinks::stderr_sink_mt>(options.file, "log.file");
    if (!sink) {
        return std::move(sink).error();
    }
    std::unique_ptr<Logging> logging(new Logging);
    logging->state_->main = logging->state_->make_logger(std::move(*sink));
    auto formatter = std::make_unique<spdlog::pattern_formatter>();
    if (options.json) {
        formatter->add_flag<JsonMembers>('*').set_pattern(
                R"({"time":"%Y-%m-%dT%H:%M:%S.%e%z","level":"%l","process":")" + options.process + R"(","pid":%P,%*})");
    } else {
        formatter->set_pattern("%Y-%m-%d %H:%M:%S.%e %z [%P] " + options.process + " %l: %v");
    }
    logging->state_->main->set_formatter(std::move(formatter));
    logging->state_->main->set_level(to_spdlog(options.level));
    logging->state_->main->flush_on(spdlog::level::debug);
    logging->state_->sink = std::make_unique<SpdlogSink>(logging->state_->main);
    log::set_sink(logging->state_->sink.get());
    return logging;
}

Logging::~Logging() {
    log::set_sink(nullptr);
}

Result<log::LineSink*> Logging::open_access_log(const std::string& file) {
    auto sink = make_sink<spdlog::sinks::stdout_sink_mt>(file, "log.access");
    if (!sink) {
        return std::move(sink).error();
    }
    auto logger = state_->make_logger(std::move(*sink));
    logger->set_pattern("%v");
    logger->flush_on(spdlog::level::info);
    state_->access = std::make_unique<SpdlogLines>(std::move(logger));
    return static_cast<log::LineSink*>(state_->access.get());
}

std::uint64_t Logging::dropped() const {
    return state_->pool->overrun_counter();
}

void Logging::flush() {
    state_->main->flush();
    if (state_->access) {
        state_->access->flush();
    }
}

}  // namespace fettle::logging
