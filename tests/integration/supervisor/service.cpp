#include "service.h"

#include "base/log.h"
#include "processes.h"
#include "supervisor/app.h"
#include "supervisor/process/own_process.h"

#include <catch2/catch.hpp>

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace fettle::testing {

namespace {

class PipeSink final : public log::Sink {
  public:
    explicit PipeSink(int fd) : fd_(fd) {}

    [[nodiscard]] bool enabled(log::Level) const override { return true; }

    void write(log::Level, std::string_view line) override {
        const std::string text = std::string(line) + "\n";
        [[maybe_unused]] const ssize_t written = ::write(fd_, text.data(), text.size());
    }

  private:
    int fd_;
};

[[noreturn]] void become_supervisor(const config::Config& config, const std::string& directory, int log_fd) {
    PipeSink sink(log_fd);
    log::set_sink(&sink);
    const supervisor::Options options{
            .config = config, .runtime_directory = directory, .executable = FETTLE_FAKE_PROCESS};
    supervisor::prepare_own_process();
    const ExitCode code = supervisor::run(options);
    ::_exit(static_cast<int>(code));
}

}  // namespace

config::Config Service::config_with(int processes) {
    config::Config config;
    config.listen.bind = {"127.0.0.1:0"};
    config.python.gil = FETTLE_FAKE_PROCESS;
    config.concurrency.processes = processes;
    return config;
}

Service::Service(const std::string& faults, config::Config config) {
    std::string name = (std::filesystem::temp_directory_path() / "fettle-service-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    directory_ = name;
    std::filesystem::create_directory(directory_ + "/fettle");
    std::ofstream(directory_ + "/fettle/boot.py") << "# never run\n";
    mark_ = directory_ + "/first";
    config.app.target = faults;
    config.app.env["FETTLE_FAKE_MARK"] = mark_;
    // Orphans of a killed supervisor come to the test, which can then see their end.
    REQUIRE(::prctl(PR_SET_CHILD_SUBREAPER, 1) == 0);
    int ends[2];
    REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    log_.reset(ends[0]);
    Fd write_end(ends[1]);
    pid_ = ::fork();
    REQUIRE(pid_ >= 0);
    if (pid_ == 0) {
        become_supervisor(config, directory_, write_end.get());
    }
}

Service::~Service() {
    if (end_ < 0) {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }
    for (const pid_t pid : processes_with(mark_)) {
        ::kill(pid, SIGKILL);
    }
    while (::waitpid(-1, nullptr, WNOHANG) > 0) {
    }
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
}

void Service::send_signal(int number) const {
    REQUIRE(::kill(pid_, number) == 0);
}

void Service::read_log(std::chrono::milliseconds limit) {
    pollfd waiting{.fd = log_.get(), .events = POLLIN, .revents = 0};
    if (::poll(&waiting, 1, static_cast<int>(limit.count())) <= 0) {
        return;
    }
    char buffer[8192];
    const ssize_t got = ::read(log_.get(), buffer, sizeof(buffer));
    if (got <= 0) {
        return;
    }
    unfinished_.append(buffer, static_cast<std::size_t>(got));
    for (std::size_t end = unfinished_.find('\n'); end != std::string::npos; end = unfinished_.find('\n')) {
        lines_.push_back(unfinished_.substr(0, end));
        returned_.push_back(false);
        unfinished_.erase(0, end + 1);
    }
}

std::string Service::wait_for_line(const std::string& part) {
    std::string found;
    const bool came = wait_until([&] {
        read_log(std::chrono::milliseconds(5));
        for (std::size_t index = 0; index < lines_.size(); ++index) {
            if (!returned_[index] && lines_[index].find(part) != std::string::npos) {
                returned_[index] = true;
                found = lines_[index];
                return true;
            }
        }
        return false;
    });
    if (!came) {
        std::string log;
        for (const std::string& line : lines_) {
            log += line + "\n";
        }
        FAIL("no line with '" << part << "' came; the log is:\n" << log);
    }
    return found;
}

std::size_t Service::count_lines(const std::string& part) {
    read_log(std::chrono::milliseconds(0));
    std::size_t count = 0;
    for (const std::string& line : lines_) {
        count += line.find(part) != std::string::npos ? 1U : 0U;
    }
    return count;
}

int Service::wait_for_end() {
    int status = 0;
    const bool ended = wait_until([&] {
        read_log(std::chrono::milliseconds(0));
        return ::waitpid(pid_, &status, WNOHANG) == pid_;
    });
    if (!ended) {
        (void)wait_for_line("the supervisor ends");  // fails, with the log
    }
    read_log(std::chrono::milliseconds(0));
    end_ = WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
    return end_;
}

std::vector<pid_t> Service::processes() const {
    std::vector<pid_t> found = processes_with(mark_);
    for (const pid_t pid : children_of(pid_)) {
        if (is_running(pid)) {
            found.push_back(pid);  // the balancer has no environment
        }
    }
    return found;
}

pid_t Service::number(const std::string& line, const std::string& key) {
    const std::size_t at = line.find(key + "=");
    REQUIRE(at != std::string::npos);
    return std::stoi(line.substr(at + key.size() + 1));
}

}  // namespace fettle::testing
