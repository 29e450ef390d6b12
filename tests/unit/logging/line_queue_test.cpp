#include "base/logging/line_queue.h"

#include <catch2/catch.hpp>

#include <string>
#include <thread>
#include <vector>

using namespace fettle;
using logging::LineQueue;

namespace {

void push(LineQueue& queue, const std::string& text) {
    queue.push(LineQueue::Target::Main, log::Level::Info, text);
}

// What waits, oldest first; the queue is closed for it.
std::vector<std::string> drain(LineQueue& queue) {
    queue.close();
    std::vector<std::string> texts;
    for (LineQueue::Line line; queue.pop(line);) {
        texts.push_back(line.text);
    }
    return texts;
}

}  // namespace

TEST_CASE("log queue: a line comes out as it was logged", "[logging]") {
    LineQueue sut(8);
    const auto before = std::chrono::system_clock::now();
    sut.push(LineQueue::Target::Access, log::Level::Warning, "GET /");
    const auto after = std::chrono::system_clock::now();

    LineQueue::Line line;
    REQUIRE(sut.pop(line));
    CHECK(line.target == LineQueue::Target::Access);
    CHECK(line.level == log::Level::Warning);
    CHECK(line.text == "GET /");
    CHECK((before <= line.time && line.time <= after));
}

TEST_CASE("log queue: when it is full, the oldest lines are dropped and counted", "[logging]") {
    LineQueue sut(100);
    for (int number = 0; number < 250; ++number) {
        push(sut, std::to_string(number));
    }
    CHECK(sut.dropped() == 150);

    const auto texts = drain(sut);
    REQUIRE(texts.size() == 100);
    CHECK(texts.front() == "150");
    CHECK(texts.back() == "249");
}

TEST_CASE("log queue: lines keep their order while it grows", "[logging]") {
    LineQueue sut(1000);
    LineQueue::Line line;
    for (int number = 0; number < 40; ++number) {  // so that the oldest line is not in the first slot
        push(sut, "before");
        REQUIRE(sut.pop(line));
    }
    std::vector<std::string> wanted;
    for (int number = 0; number < 500; ++number) {
        wanted.push_back(std::to_string(number));
        push(sut, wanted.back());
    }
    CHECK(drain(sut) == wanted);
}

TEST_CASE("log queue: what waits takes the memory, not what may wait", "[logging]") {
    LineQueue sut(8192);
    LineQueue::Line line;
    for (int number = 0; number < 10000; ++number) {
        push(sut, "a line");
        REQUIRE(sut.pop(line));
    }
    CHECK(sut.slots() <= 64);
}

TEST_CASE("log queue: a writer that waits gets every line of several threads, and then the end", "[logging]") {
    LineQueue sut(10000);
    std::size_t written = 0;
    std::thread writer([&] {
        for (LineQueue::Line line; sut.pop(line);) {
            ++written;
        }
    });
    std::vector<std::thread> loggers;
    for (int thread = 0; thread < 4; ++thread) {
        loggers.emplace_back([&] {
            for (int number = 0; number < 2000; ++number) {
                push(sut, "a line");
            }
        });
    }
    for (std::thread& logger : loggers) {
        logger.join();
    }
    sut.close();
    writer.join();
    CHECK(written == 8000);
    CHECK(sut.dropped() == 0);
}
