#include "base/logging/logging.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

using namespace fettle;

namespace {

struct TempDir {
    std::filesystem::path path =
            std::filesystem::temp_directory_path() / ("fettle-logging-" + std::to_string(::getpid()));

    TempDir() { std::filesystem::create_directories(path); }

    TempDir(const TempDir&) = delete;
    TempDir& operator=(const TempDir&) = delete;

    ~TempDir() { std::filesystem::remove_all(path); }
};

std::string read_file(const std::filesystem::path& path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
}

}  // namespace

TEST_CASE("logging: a line names time, pid, process and level", "[logging]") {
    TempDir dir;
    const auto file = dir.path / "log";
    {
        auto sut = logging::Logging::start(
                {.level = log::Level::Info, .json = false, .file = file.string(), .process = "supervisor"});
        REQUIRE(sut.has_value());
        log::debug("not wanted");
        log::info("worker ready seat={}", 3);
    }
    const std::string text = read_file(file);
    CHECK(text.find("[" + std::to_string(::getpid()) + "] supervisor info: worker ready seat=3\n") !=
          std::string::npos);
    CHECK(text.find("not wanted") == std::string::npos);
}

TEST_CASE("logging: a JSON line stays one valid object whatever the text holds", "[logging]") {
    TempDir dir;
    const auto file = dir.path / "log";
    {
        auto sut = logging::Logging::start(
                {.level = log::Level::Info, .json = true, .file = file.string(), .process = "balancer"});
        REQUIRE(sut.has_value());
        log::warning("a \"quoted\" \\ line\nwith a break\x01");
    }
    const auto parsed = nlohmann::json::parse(read_file(file));
    CHECK(parsed["message"] == "a \"quoted\" \\ line\nwith a break\x01");
    CHECK(parsed["level"] == "warning");
    CHECK(parsed["process"] == "balancer");
    CHECK(parsed["fields"] == nlohmann::json::object());
}

TEST_CASE("logging: a JSON line has its fields as members", "[logging]") {
    TempDir dir;
    const auto file = dir.path / "log";
    {
        auto sut = logging::Logging::start(
                {.level = log::Level::Info, .json = true, .file = file.string(), .process = "supervisor"});
        REQUIRE(sut.has_value());
        log::warning("worker died seat={} pid={} cause='{}'", 3, 4711, "signal 9 (SIGKILL)");
    }
    const auto parsed = nlohmann::json::parse(read_file(file));
    CHECK(parsed["pid"] == ::getpid());
    CHECK(parsed["message"] == "worker died seat=3 pid=4711 cause='signal 9 (SIGKILL)'");
    CHECK(parsed["fields"] == nlohmann::json{{"seat", 3}, {"pid", 4711}, {"cause", "signal 9 (SIGKILL)"}});
}

TEST_CASE("logging: a file that cannot be opened is named, with what to do", "[logging]") {
    const auto sut = logging::Logging::start({.file = "/proc/nothing/here.log", .process = "x"});

    REQUIRE_FALSE(sut.has_value());
    CHECK(sut.error().what.find("/proc/nothing/here.log") != std::string::npos);
    CHECK(sut.error().what.find("writable") != std::string::npos);
}

TEST_CASE("logging: a full disk loses lines and nothing else", "[logging]") {
    auto sut = logging::Logging::start({.file = "/dev/full", .process = "x"});
    REQUIRE(sut.has_value());
    for (int line = 0; line < 100; ++line) {
        log::info("line {}", line);
    }
    sut->reset();
    SUCCEED("still alive");
}

TEST_CASE("logging: access lines are written as they are", "[logging]") {
    TempDir dir;
    {
        auto sut = logging::Logging::start({.file = (dir.path / "log").string(), .process = "balancer"});
        REQUIRE(sut.has_value());
        auto access = (*sut)->open_access_log((dir.path / "access").string());
        REQUIRE(access.has_value());
        (*access)->write("127.0.0.1 - - \"GET / HTTP/1.1\" 200");
    }
    CHECK(read_file(dir.path / "access") == "127.0.0.1 - - \"GET / HTTP/1.1\" 200\n");
}
