// The lines between those who log and the one thread that writes: bounded; when it is full, the oldest is dropped and
// counted. Thread-safe. The ring grows to what has once waited, so that the bound costs nothing where the writer keeps
// up. Slots keep the memory of their text: in steady state a line allocates nothing.
#pragma once

#include "base/log.h"

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace fettle::logging {

class LineQueue {
  public:
    enum class Target : std::uint8_t { Main, Access };

    struct Line {
        std::chrono::system_clock::time_point time;  // when it was logged, not when it is written
        Target target = Target::Main;
        log::Level level = log::Level::Info;
        std::string text;
    };

    // `most`: lines that may wait, at least 1.
    explicit LineQueue(std::size_t most) : most_(most) {}

    void push(Target target, log::Level level, std::string_view text);

    // Waits for the oldest line and swaps it into `line`. False: closed, and every line has been taken.
    [[nodiscard]] bool pop(Line& line);

    // No more lines come. The writer still gets those that wait.
    void close();

    [[nodiscard]] std::uint64_t dropped() const;
    [[nodiscard]] std::size_t slots() const;  // of the ring as it is now

  private:
    void grow();

    const std::size_t most_;
    mutable std::mutex mutex_;
    std::condition_variable arrived_;
    std::vector<Line> ring_;
    std::size_t first_ = 0;    // the oldest line's place in ring_
    std::size_t waiting_ = 0;  // lines from there on
    std::uint64_t dropped_ = 0;
    bool idle_ = false;  // the writer sleeps in pop()
    bool closed_ = false;
};

}  // namespace fettle::logging
