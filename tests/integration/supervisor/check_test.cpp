#include "supervisor/check.h"

#include "processes.h"

#include <catch2/catch.hpp>

#include <unistd.h>

#include <filesystem>
#include <fstream>

using namespace fettle;
using namespace fettle::supervisor;
using namespace fettle::testing;

namespace {

bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

class Check {
  public:
    Check() {
        std::string name = (std::filesystem::temp_directory_path() / "fettle-check-XXXXXX").string();
        REQUIRE(::mkdtemp(name.data()) != nullptr);
        directory_ = name;
        std::filesystem::create_directory(directory_ + "/fettle");
        std::ofstream(directory_ + "/fettle/boot.py") << "# never run\n";
        config.python.gil = FETTLE_FAKE_PROCESS;
    }

    Check(const Check&) = delete;
    Check& operator=(const Check&) = delete;

    ~Check() {
        std::error_code ignored;
        std::filesystem::remove_all(directory_, ignored);
    }

    CheckReport run(const std::string& target) {
        config.app.target = target;
        auto report = check_application(config, directory_);
        REQUIRE(report);
        CHECK(children_of(::getpid()).empty());  // the scratch process is gone
        return *report;
    }

    config::Config config;

  private:
    std::string directory_;
};

}  // namespace

TEST_CASE("an application that loads is reported with its interpreter and time") {
    const CheckReport report = Check().run("ok");
    CHECK(report.ok);
    CHECK(report.exit_code == ExitCode::Ok);
    CHECK(report.interpreter == "FakePython 1.0");
    CHECK(report.interpreter_path == FETTLE_FAKE_PROCESS);
    CHECK(report.import_time.count() == 12);
    CHECK(report.tasks == 1);
    CHECK(report.thread_names.empty());
}

TEST_CASE("threads that the import leaves behind are named") {
    const CheckReport report = Check().run("threads");
    CHECK(report.ok);
    CHECK(report.tasks == 2);
    CHECK(report.thread_names == "background");
}

TEST_CASE("an application that does not load is reported with the traceback") {
    const CheckReport report = Check().run("no-import");
    CHECK_FALSE(report.ok);
    CHECK(report.exit_code == ExitCode::AppLoad);
    CHECK(report.stage == ipc::LoadStage::Import);
    CHECK(contains(report.text, "no module named 'shop'"));
}

TEST_CASE("an interpreter without a runtime is a matter of the interpreter") {
    const CheckReport report = Check().run("no-runtime");
    CHECK(report.exit_code == ExitCode::Interpreter);
    CHECK(report.stage == ipc::LoadStage::Runtime);
}

TEST_CASE("an import that kills the interpreter is reported with the signal") {
    const CheckReport report = Check().run("crash-import");
    CHECK(report.exit_code == ExitCode::AppLoad);
    CHECK(contains(report.text, "SIGSEGV"));
}

TEST_CASE("an import that does not end is reported after timeouts.start") {
    Check check;
    check.config.timeouts.start = config::Seconds(0.2);
    const CheckReport report = check.run("hang-import");
    CHECK(report.exit_code == ExitCode::AppLoad);
    CHECK(contains(report.text, "longer than 0.2 s; if it needs longer, raise timeouts.start"));
}

TEST_CASE("an interpreter that is missing, or is no program, is reported") {
    Check check;
    check.config.python.gil = "/nonexistent/python9";
    CHECK(check.run("ok").exit_code == ExitCode::Interpreter);

    const std::string script = (std::filesystem::temp_directory_path() / "fettle-no-program").string();
    std::ofstream(script) << "#!/nonexistent/interpreter\n";
    std::filesystem::permissions(script, std::filesystem::perms::owner_all);
    check.config.python.gil = script;
    const CheckReport report = check.run("ok");
    std::filesystem::remove(script);
    CHECK(report.exit_code == ExitCode::Interpreter);
    CHECK(contains(report.text, "cannot execute '" + script + "': No such file or directory"));
}
