#include "supervisor/process/python_process.h"
#include "supervisor/process/python_runtime.h"
#include "temporary_directory.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <unistd.h>

#include <cstdlib>
#include <optional>

using namespace fettle;
using namespace fettle::supervisor;
using fettle::testing::TemporaryDirectory;

namespace {

// Sets a variable of the environment for the life of the object.
class Variable {
  public:
    Variable(const char* name, const char* value) : name_(name) {
        if (const char* before = std::getenv(name)) {
            before_ = before;
        }
        value == nullptr ? ::unsetenv(name) : ::setenv(name, value, 1);
    }

    Variable(const Variable&) = delete;
    Variable& operator=(const Variable&) = delete;

    ~Variable() { before_ ? ::setenv(name_, before_->c_str(), 1) : ::unsetenv(name_); }

  private:
    const char* name_;
    std::optional<std::string> before_;
};

constexpr const char* kScript = "#!/bin/sh\n";

PythonSetup setup_for(const config::Config& config) {
    return {.interpreter = "/usr/bin/python3",
            .runtime_directory = "/opt/fettle/lib",
            .boot_file = "/opt/fettle/lib/fettle/boot.py",
            .environment = {"A=1"},
            .limits = {},
            .config = config,
            .null = Fd(),
            .log = Fd()};
}

}  // namespace

TEST_CASE("the interpreter is the configured one, else the virtual environment's, else python3 of PATH") {
    const TemporaryDirectory tree;
    tree.write_executable("bin/python3", kScript);
    tree.write_executable("venv/bin/python", kScript);
    tree.write_executable("mine/python9", kScript);
    const Variable path("PATH", ("/nonexistent:" + tree.path() + "/bin").c_str());
    {
        const Variable environment("VIRTUAL_ENV", (tree.path() + "/venv").c_str());
        CHECK(*find_interpreter(tree.path() + "/mine/python9") == tree.path() + "/mine/python9");
        CHECK(*find_interpreter("") == tree.path() + "/venv/bin/python");
    }
    const Variable none("VIRTUAL_ENV", nullptr);
    CHECK(*find_interpreter("") == tree.path() + "/bin/python3");
    CHECK(*find_interpreter("python3") == tree.path() + "/bin/python3");
}

TEST_CASE("a missing interpreter is named, with the place where it was looked for and what to do") {
    const TemporaryDirectory tree;
    tree.write("plain", "not executable");
    const Variable path("PATH", tree.path().c_str());
    const Variable none("VIRTUAL_ENV", nullptr);
    const auto message = [](const std::string& configured) { return find_interpreter(configured).error().message(); };
    CHECK(message("").find("PATH has no python3") != std::string::npos);
    CHECK(message("python9").find("'python9' (python.gil) is not in PATH") != std::string::npos);
    CHECK(message("/no/python").find("'/no/python' (python.gil) does not exist") != std::string::npos);
    CHECK(message(tree.path() + "/plain").find("cannot be executed") != std::string::npos);
    CHECK(message(tree.path()).find("cannot be executed") != std::string::npos);  // a directory
    const Variable broken("VIRTUAL_ENV", "/no/venv");
    CHECK(message("").find("/no/venv (VIRTUAL_ENV) has no working bin/python") != std::string::npos);
    CHECK(message("").find("--python") != std::string::npos);
}

TEST_CASE("a runtime that is not installed is named") {
    const TemporaryDirectory tree;
    CHECK(find_boot_file(tree.path()).error().message().find(tree.path() + "/fettle/boot.py") != std::string::npos);
    tree.write("fettle/boot.py", "");
    CHECK(*find_boot_file(tree.path()) == tree.path() + "/fettle/boot.py");
}

TEST_CASE("boot.py is told everything in one JSON object") {
    config::Config config;
    config.app.target = "shop.wsgi:app";
    config.app.chdir = "/srv/shop";
    config.timeouts.graceful = config::Seconds(2.5);
    const PythonSetup setup = setup_for(config);
    const auto zygote = nlohmann::json::parse(boot_argument(setup, PythonRole::Zygote, {}));
    CHECK(zygote == nlohmann::json({{"role", "zygote"},
                                    {"control_fd", 3},
                                    {"target", "shop.wsgi:app"},
                                    {"chdir", "/srv/shop"},
                                    {"runtime", "/opt/fettle/lib"},
                                    {"supervisor_pid", ::getpid()},
                                    {"graceful_seconds", 2.5},
                                    {"multiprocess", true},
                                    {"script_name", ""},
                                    {"log_json", false}}));
    config.app.warmup = {"/", "/a?b=\"c\""};
    CHECK(nlohmann::json::parse(boot_argument(setup, PythonRole::Zygote, {}))["warmup"] ==
          nlohmann::json({"/", "/a?b=\"c\""}));
    CHECK_FALSE(nlohmann::json::parse(boot_argument(setup, PythonRole::Check, {})).contains("warmup"));
    config.app.script_name = "/my \"shop\"";
    CHECK(nlohmann::json::parse(boot_argument(setup, PythonRole::Worker, {}))["script_name"] == "/my \"shop\"");
    const auto worker = nlohmann::json::parse(boot_argument(setup, PythonRole::Worker, {3, 9}));
    CHECK(worker["role"] == "worker");
    CHECK(worker["seat"] == 3);
    CHECK(worker["incarnation"] == 9);
    CHECK(nlohmann::json::parse(boot_argument(setup, PythonRole::Check, {}))["role"] == "check");
}

TEST_CASE("odd characters in paths survive the way to boot.py") {
    config::Config config;
    config.app.chdir = "/a \"quoted\"\\path\nwith\x01 control and ümläut";
    const PythonSetup setup = setup_for(config);
    CHECK(nlohmann::json::parse(boot_argument(setup, PythonRole::Zygote, {}))["chdir"] == config.app.chdir);
    config.app.chdir = "/not\xff\xfeutf8";
    CHECK(boot_argument(setup, PythonRole::Zygote, {}).find("/not\xff\xfeutf8") != std::string::npos);
}
