#include "python_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <thread>
#include <vector>

namespace fettle::test {

namespace {

constexpr const char* kLog = "log";

std::string default_python() {
    const char* chosen = std::getenv("FETTLE_TEST_PYTHON");
    return chosen != nullptr ? chosen : FETTLE_TEST_DEFAULT_PYTHON;
}

std::string or_default(const std::string& value, const std::string& standard) {
    return value.empty() ? standard : value;
}

std::string boot_json(const Launch& launch, int control_fd) {
    std::ostringstream json;
    json << R"({"role": ")" << launch.role << R"(", "control_fd": )" << control_fd << R"(, "target": ")"
         << launch.target << R"(", "chdir": ")" << or_default(launch.chdir, FETTLE_TEST_APPS) << R"(", "runtime": ")"
         << or_default(launch.runtime, FETTLE_TEST_RUNTIME) << R"(", "supervisor_pid": )"
         << launch.supervisor_pid.value_or(::getpid()) << R"(, "graceful_seconds": )" << launch.graceful_seconds
         << R"(, "seat": )" << kWorker.seat << R"(, "incarnation": )" << kWorker.incarnation << R"(, "multiprocess": )"
         << (launch.multiprocess ? "true" : "false") << "}";
    return json.str();
}

std::vector<std::string> environment_of(const Launch& launch, const Folder& folder) {
    std::vector<std::string> environment{"PATH=/usr/bin:/bin", "LANG=C.UTF-8", "PYTHONDONTWRITEBYTECODE=1",
                                         "TEST_FOLDER=" + folder.path().string()};
#ifdef FETTLE_TEST_PRELOAD
    environment.emplace_back("LD_PRELOAD=" FETTLE_TEST_PRELOAD);
    environment.emplace_back("ASAN_OPTIONS=detect_leaks=0");  // CPython frees little at its end
    environment.emplace_back("PYTHONMALLOC=malloc");          // so that it sees every object
#else
    if (launch.environment.count("PYTHONDEVMODE") == 0) {
        environment.emplace_back("PYTHONDEVMODE=1");  // debug hooks of the allocators, ResourceWarning, ...
    }
#endif
    for (const auto& [name, value] : launch.environment) {
        environment.emplace_back(name).append("=").append(value);
    }
    return environment;
}

std::vector<char*> pointers(std::vector<std::string>& strings) {
    std::vector<char*> result(strings.size() + 1, nullptr);
    std::transform(strings.begin(), strings.end(), result.begin(), [](std::string& text) { return text.data(); });
    return result;
}

int exit_code(int status) {
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

std::chrono::steady_clock::time_point deadline() {
    return std::chrono::steady_clock::now() + kPatience;
}

}  // namespace

// ---- Folder

Folder::Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "fettle-worker-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path_ = name;
}

Folder::~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

void Folder::write(const std::string& name, const std::string& content) const {
    std::ofstream(path_ / name, std::ios::binary) << content;
}

std::string Folder::read(const std::string& name) const {
    std::ifstream file(path_ / name, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// ---- PythonProcess

PythonProcess::PythonProcess(const Folder& folder, const Launch& launch) : folder_(folder) {
    REQUIRE(::prctl(PR_SET_CHILD_SUBREAPER, 1) == 0);
    auto pair = ipc::ControlSocket::make_pair();
    REQUIRE(pair.has_value());
    control_ = std::move(pair->first);
    const Fd child_end = pair->second.release();

    const std::string python = or_default(launch.python, default_python());
    std::vector<std::string> arguments{python, or_default(launch.runtime, FETTLE_TEST_RUNTIME) + "/fettle/boot.py",
                                       boot_json(launch, child_end.get())};
    std::vector<std::string> environment = environment_of(launch, folder);
    const std::vector<char*> argument_pointers = pointers(arguments);
    const std::vector<char*> environment_pointers = pointers(environment);
    const std::string log_path = (folder.path() / kLog).string();

    pid_ = ::fork();
    REQUIRE(pid_ >= 0);
    if (pid_ == 0) {
        const int log = ::open(log_path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
        ::dup2(log, STDOUT_FILENO);
        ::dup2(log, STDERR_FILENO);
        ::fcntl(child_end.get(), F_SETFD, 0);
        ::setsid();
        ::signal(SIGINT, SIG_DFL);  // ignored in what a shell runs in the background
        ::execve(argument_pointers[0], argument_pointers.data(), environment_pointers.data());
        ::_exit(127);
    }
}

PythonProcess::~PythonProcess() {
    if (pid_ > 0) {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }
}

ipc::Envelope PythonProcess::receive() {
    pollfd entry{.fd = control_.fd(), .events = POLLIN, .revents = 0};
    const int ready = ::poll(&entry, 1, static_cast<int>(std::chrono::milliseconds(kPatience).count()));
    INFO("log:\n" << log());
    REQUIRE(ready == 1);
    ipc::Envelope envelope;
    REQUIRE(control_.receive(envelope) == ipc::ControlSocket::Status::Message);
    return envelope;
}

bool PythonProcess::quiet() const {
    pollfd entry{.fd = control_.fd(), .events = POLLIN, .revents = 0};
    return ::poll(&entry, 1, 0) == 0;
}

int PythonProcess::wait() {
    return wait_for_exit(std::exchange(pid_, -1));
}

void PythonProcess::signal(int number) const {
    REQUIRE(pid_ > 0);
    REQUIRE(::kill(pid_, number) == 0);
}

std::string PythonProcess::log() const {
    return folder_.read(kLog);
}

void PythonProcess::wait_for_log(const std::string& text) const {
    for (const auto until = deadline(); log().find(text) == std::string::npos;) {
        INFO("the log should have '" << text << "':\n" << log());
        REQUIRE(std::chrono::steady_clock::now() < until);
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
}

int wait_for_exit(pid_t pid) {
    for (const auto until = deadline();;) {
        int status = 0;
        const pid_t done = ::waitpid(pid, &status, WNOHANG);
        REQUIRE(done >= 0);
        if (done == pid) {
            return exit_code(status);
        }
        if (std::chrono::steady_clock::now() > until) {
            ::kill(pid, SIGKILL);
            ::waitpid(pid, nullptr, 0);
            FAIL("the process did not end");
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
}

// ---- channels

void attach(const ipc::ControlSocket& control, FakeBalancer& balancer, std::uint32_t slots) {
    const auto fds = balancer.channels().duplicate_fds();
    REQUIRE(fds.has_value());
    std::vector<int> numbers{fds->request_file.get(), fds->response_file.get()};
    for (const auto* bells : {&fds->lane_bells, &fds->thread_bells}) {
        for (const Fd& bell : *bells) {
            numbers.push_back(bell.get());
        }
    }
    const ipc::Geometry geometry = balancer.channels().geometry();
    const ipc::Attach message{.worker = kWorker,
                              .balancer_incarnation = balancer.channels().identity().balancer_incarnation,
                              .threads = geometry.threads,
                              .lanes = geometry.lanes,
                              .slots = slots};
    REQUIRE(control.send(message, numbers).has_value());
}

FakeBalancer make_balancer(ipc::Geometry geometry, std::uint32_t incarnation) {
    return {{.seat = kWorker.seat, .worker_incarnation = kWorker.incarnation, .balancer_incarnation = incarnation},
            geometry};
}

ReadyWorker::ReadyWorker(const Launch& launch, std::uint32_t slots, ipc::Geometry geometry)
    : balancer(make_balancer(geometry)), process(folder, launch) {
    REQUIRE(process.expect<ipc::Hello>().worker == kWorker);
    attach(process.control(), balancer, slots);
    REQUIRE(process.expect<ipc::Attached>().balancer_incarnation == 1);
    REQUIRE(process.expect<ipc::Ready>().worker == kWorker);
}

int ReadyWorker::stop() {
    REQUIRE(process.control().send(ipc::StopWorker{.worker = kWorker}).has_value());
    return process.wait();
}

}  // namespace fettle::test
