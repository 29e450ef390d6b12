// The log interface. The process's composition root installs a Sink (base/logging/ has the spdlog one); without one,
// lines are discarded. Library folders (base, loop, ipc, config) do not log above debug: they return errors, the layer
// that decides logs once. Thread-safe once the sink is installed. Never call between fork and exec.
#pragma once

#include <fmt/core.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace fettle::log {

enum class Level : int { Debug, Info, Warning, Error };

class Sink {
  public:
    Sink() = default;
    Sink(const Sink&) = delete;
    Sink& operator=(const Sink&) = delete;
    virtual ~Sink() = default;
    [[nodiscard]] virtual bool enabled(Level level) const = 0;
    virtual void write(Level level, std::string_view line) = 0;
};

// Takes whole lines (without the newline), as the access log does. Never blocks: when the writer falls behind, lines
// are dropped and counted.
class LineSink {
  public:
    LineSink() = default;
    LineSink(const LineSink&) = delete;
    LineSink& operator=(const LineSink&) = delete;
    virtual ~LineSink() = default;
    virtual void write(std::string_view line) = 0;
};

// The sink stays owned by the caller and must outlive its use; nullptr discards.
void set_sink(Sink* sink);
[[nodiscard]] Sink* sink();

template <class... Args>
void at(Level level, fmt::format_string<Args...> format, Args&&... args) {
    if (Sink* target = sink(); target != nullptr && target->enabled(level)) {
        target->write(level, fmt::format(format, std::forward<Args>(args)...));
    }
}

template <class... Args>
void debug(fmt::format_string<Args...> format, Args&&... args) {
    at(Level::Debug, format, std::forward<Args>(args)...);
}

template <class... Args>
void info(fmt::format_string<Args...> format, Args&&... args) {
    at(Level::Info, format, std::forward<Args>(args)...);
}

template <class... Args>
void warning(fmt::format_string<Args...> format, Args&&... args) {
    at(Level::Warning, format, std::forward<Args>(args)...);
}

template <class... Args>
void error(fmt::format_string<Args...> format, Args&&... args) {
    at(Level::Error, format, std::forward<Args>(args)...);
}

}  // namespace fettle::log
