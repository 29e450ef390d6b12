#include "base/log.h"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

using namespace fettle;

namespace {

class Recorder final : public log::Sink {
  public:
    [[nodiscard]] bool enabled(log::Level level) const override { return level >= log::Level::Warning; }

    void write(log::Level, std::string_view line) override { lines.emplace_back(line); }

    std::vector<std::string> lines;
};

}  // namespace

TEST_CASE("log: lines go to the installed sink, at the levels it wants", "[base]") {
    Recorder sut;
    log::info("nobody listens yet");
    log::set_sink(&sut);

    log::info("too quiet");
    log::warning("worker {} is {}", 3, "gone");
    log::set_sink(nullptr);
    log::error("nobody listens any more");

    CHECK(sut.lines == std::vector<std::string>{"worker 3 is gone"});
}
