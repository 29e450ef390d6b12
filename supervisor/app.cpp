#include "supervisor/app.h"

#include "base/log.h"
#include "base/process_title.h"
#include "config/json.h"
#include "loop/loop.h"
#include "supervisor/core/pool.h"
#include "supervisor/listeners/bind.h"
#include "supervisor/process/balancer_process.h"
#include "supervisor/process/cgroup.h"
#include "supervisor/process/cpu_budget.h"
#include "supervisor/process/own_process.h"
#include "supervisor/process/python_process.h"
#include "supervisor/process/reaper.h"
#include "supervisor/process/worker_process.h"
#include "supervisor/process/zygote_process.h"
#include "supervisor/report.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <deque>
#include <memory>
#include <random>
#include <utility>
#include <vector>

namespace fettle::supervisor {

namespace {

using core::Role;

// Of a configuration without "auto".
std::uint32_t seats_of(const config::Config& config) {
    return static_cast<std::uint32_t>(config.concurrency.processes);
}

// Callbacks of processes, sockets, signals and timers only post inputs; before the loop blocks, they are handed to the
// pool one by one and what it answers is carried out. So nothing happens inside a callback of the thing it happens to.
class App {
  public:
    App(const std::string& executable, config::Config config, PythonSetup python, std::vector<Listener> listeners);
    App(const App&) = delete;
    App& operator=(const App&) = delete;
    ~App() = default;

    ExitCode run();

  private:
    Result<void> watch_signals();
    Result<void> watch(int signal, std::function<void()> callback);
    void stop_signal(int signal);
    void read_nameless_workers();
    void part_from_orphans();

    void drain();
    void handle(const core::Input& input);
    [[nodiscard]] bool buried_abandoned(const core::Input& input);

    void carry_out(const core::action::Spawn& action);
    void carry_out(const core::action::Prepare& action);
    void carry_out(const core::action::Attach& action);
    void carry_out(const core::action::Serve& action);
    void carry_out(const core::action::Drain& action);
    void carry_out(const core::action::Stop& action);
    void carry_out(const core::action::Abort& action);
    void carry_out(const core::action::Kill& action);
    void carry_out(const core::action::CountViolation& action);
    void carry_out(const core::action::Release& action);
    void carry_out(const core::action::ReportStuck& action);
    void carry_out(const core::action::Abandon& action);
    void carry_out(const core::action::StartAccepting&);
    void carry_out(const core::action::StopAccepting&);
    void carry_out(const core::action::DegradedChanged& action);
    void carry_out(const core::action::ExecInstead&);
    void carry_out(const core::action::Exit& action);

    [[nodiscard]] Result<void> spawn(const core::action::Spawn& action);
    void channels_arrived(const ipc::WorkerPrepared& message, std::vector<Fd> fds);
    [[nodiscard]] Child* find(const core::Ref& who);
    [[nodiscard]] WorkerProcess* find(const core::WorkerId& worker);
    [[nodiscard]] std::unique_ptr<Child> take(const core::Ref& who);
    void end_by_force(const core::Ref& who, core::Reason reason, int signal);

    template <class Message>
    void tell_balancer(const Message& message) {
        if (balancer_ != nullptr) {
            balancer_->tell(message);
        }
    }

    const config::Config config_;
    const PythonSetup python_;
    const std::vector<Listener> listeners_;
    BalancerProcess::Setup balancer_setup_;
    SteadyClock clock_;
    OomCounter out_of_memory_;
    core::Pool pool_;
    std::deque<core::Input> inputs_;
    bool serving_ = false;
    bool load_failure_said_ = false;  // some process told why it cannot load the application
    bool stop_requested_ = false;
    ExitCode exit_code_ = ExitCode::Internal;

    // In this order: what uses the loop goes before the loop, children go before the reaper.
    loop::Loop loop_;
    std::unique_ptr<Reaper> reaper_;
    std::unique_ptr<Surroundings> surroundings_;
    std::unique_ptr<BalancerProcess> balancer_;
    std::unique_ptr<ZygoteProcess> zygote_;
    std::vector<std::unique_ptr<WorkerProcess>> workers_;  // by seat; nullptr: nobody
    std::vector<std::unique_ptr<Child>> abandoned_;
    loop::Timer deadline_;
    std::vector<loop::Signal> signals_;
    loop::TurnHooks before_blocking_;
};

App::App(const std::string& executable, config::Config config, PythonSetup python, std::vector<Listener> listeners)
    : config_(std::move(config)),
      python_(std::move(python)),
      listeners_(std::move(listeners)),
      out_of_memory_(oom_kill_file(CgroupView::of_this_process())),
      pool_(core::Settings::from(config_, seats_of(config_)), std::random_device{}()),
      workers_(seats_of(config_)),
      deadline_(loop_, [this] { inputs_.emplace_back(core::input::Tick{}); }),
      before_blocking_(
              loop_,
              [this] {
                  drain();
                  return false;
              },
              [] {}) {
    balancer_setup_.executable = executable;
    config::Config effective = config_;
    effective.app.env.clear();  // the application's secrets are not for the process that faces clients
    balancer_setup_.config_json = config::to_json(effective);
    for (const Listener& listener : listeners_) {
        balancer_setup_.listeners.push_back(listener.fd());
    }
}

ExitCode App::run() {
    auto reaper = Reaper::start(loop_, [this] { read_nameless_workers(); });
    if (!reaper) {
        log::error("{}", reaper.error().message());
        return ExitCode::Internal;
    }
    reaper_ = std::move(*reaper);
    if (const auto watched = watch_signals(); !watched) {
        log::error("{}", watched.error().message());
        return ExitCode::Internal;
    }
    surroundings_ = std::make_unique<Surroundings>(Surroundings{
            loop_, *reaper_, clock_, out_of_memory_, [this](const core::Input& input) { inputs_.push_back(input); }});
    inputs_.emplace_back(core::input::Begin{});
    loop_.run();
    reaper_->sweep();
    if (Reaper::has_children()) {
        part_from_orphans();
    }
    return exit_code_;
}

// The kernel kills whoever outlives PID 1 (pid_namespaces(7)): there, orphans get a chance to end by themselves.
// Elsewhere a process that the application has detached on purpose, a daemon say, goes on.
void App::part_from_orphans() {
    if (::getpid() != 1) {
        log::info("processes that the application started outlive it; they are left alone");
        return;
    }
    log::info("processes that the application started are asked to end (SIGTERM), they get {:g} s (timeouts.term)",
              config_.timeouts.term.count());
    signals_.clear();
    ::kill(-1, SIGTERM);
    bool late = false;
    loop::Timer limit(loop_, [this, &late] {
        late = true;
        loop_.stop();
    });
    limit.start(std::chrono::duration_cast<Duration>(config_.timeouts.term));
    loop::TurnHooks until_nobody_is_left(
            loop_,
            [this] {
                if (!Reaper::has_children()) {
                    loop_.stop();
                }
                return false;
            },
            [] {});
    loop_.run();
    if (late) {
        log::warning(
                "processes that the application started did not end within {:g} s (timeouts.term); the kernel "
                "kills them with PID 1",
                config_.timeouts.term.count());
    }
}

// ---- inputs

Result<void> App::watch(int signal, std::function<void()> callback) {
    FETTLE_TRY(watcher, loop::Signal::watch(loop_, signal, std::move(callback)));
    signals_.push_back(std::move(watcher));
    return {};
}

Result<void> App::watch_signals() {
    for (const int signal : {SIGTERM, SIGINT, SIGQUIT}) {
        FETTLE_CHECK_OK(watch(signal, [this, signal] { stop_signal(signal); }));
    }
    for (const int signal : {SIGHUP, SIGUSR1, SIGUSR2, SIGWINCH}) {
        FETTLE_CHECK_OK(watch(signal, [signal] {
            log::at(signal == SIGWINCH ? log::Level::Debug : log::Level::Info,
                    "{} was received and is ignored: it has no meaning yet", signal_name(signal));
        }));
    }
    return {};
}

void App::stop_signal(int signal) {
    report::stop_requested(signal, stop_requested_, config_.timeouts);
    stop_requested_ = true;
    inputs_.emplace_back(core::input::StopRequested{signal == SIGQUIT});
}

// A worker whose Hello waits in its socket is known from then on, even if it has died since.
void App::read_nameless_workers() {
    for (const auto& worker : workers_) {
        if (worker != nullptr && worker->pid() == 0) {
            worker->read_control();
        }
    }
}

void App::drain() {
    while (!inputs_.empty()) {
        const core::Input input = inputs_.front();
        inputs_.pop_front();
        handle(input);
    }
    if (const auto deadline = pool_.deadline()) {
        deadline_.start(std::max(Duration::zero(), *deadline - clock_.now()));
    } else {
        deadline_.stop();
    }
}

void App::handle(const core::Input& input) {
    if (buried_abandoned(input)) {
        return;
    }
    if (const auto* hello = std::get_if<core::input::Hello>(&input);
        hello != nullptr && hello->who.role == Role::Worker && zygote_ != nullptr) {
        zygote_->has_forked();
    }
    for (const core::Output& output : pool_.handle(input, clock_.now())) {
        std::visit([this](const auto& action) { carry_out(action); }, output);
    }
}

// A process that was given up as stuck has died after all; the pool has forgotten it.
bool App::buried_abandoned(const core::Input& input) {
    const auto* exited = std::get_if<core::input::Exited>(&input);
    const auto found = exited == nullptr
                               ? abandoned_.end()
                               : std::find_if(abandoned_.begin(), abandoned_.end(),
                                              [exited](const auto& child) { return child->who() == exited->who; });
    if (found == abandoned_.end()) {
        return false;
    }
    const std::unique_ptr<Child> child = std::move(*found);
    abandoned_.erase(found);
    if (child->who().role == Role::Worker) {
        tell_balancer(ipc::WorkerDead{.worker = child->who().id});
    }
    log::info("{} pid={} incarnation={}, which was stuck, has died", name_of(child->who()), child->pid(),
              child->who().id.incarnation);
    return true;
}

// ---- who is who

Child* App::find(const core::Ref& who) {
    Child* child = nullptr;
    switch (who.role) {
        case Role::Worker:
            child = workers_[who.id.seat].get();
            break;
        case Role::Balancer:
            child = balancer_.get();
            break;
        case Role::Zygote:
            child = zygote_.get();
            break;
    }
    return child != nullptr && child->who() == who ? child : nullptr;
}

WorkerProcess* App::find(const core::WorkerId& worker) {
    WorkerProcess* process = worker.seat < workers_.size() ? workers_[worker.seat].get() : nullptr;
    return process != nullptr && process->who().id == worker ? process : nullptr;
}

std::unique_ptr<Child> App::take(const core::Ref& who) {
    switch (who.role) {
        case Role::Worker:
            return std::move(workers_[who.id.seat]);
        case Role::Balancer:
            return std::move(balancer_);
        case Role::Zygote:
            return std::move(zygote_);
    }
    return nullptr;
}

void App::channels_arrived(const ipc::WorkerPrepared& message, std::vector<Fd> fds) {
    if (WorkerProcess* worker = find(message.worker)) {
        worker->keep_channels(message, std::move(fds));
    }
}

// ---- actions

void App::carry_out(const core::action::Spawn& action) {
    if (const auto spawned = spawn(action); !spawned) {
        log::error("{} incarnation={} cannot be started: {}", name_of(action.who), action.who.id.incarnation,
                   spawned.error().message());
        inputs_.emplace_back(core::input::SpawnFailed{action.who});
    }
}

Result<void> App::spawn(const core::action::Spawn& action) {
    switch (action.who.role) {
        case Role::Worker: {
            auto& place = workers_[action.who.id.seat];
            if (action.method == core::action::Method::Exec) {
                FETTLE_TRY(started, WorkerProcess::start(*surroundings_, action.who, python_));
                place = std::move(started);
                return {};
            }
            FETTLE_TRY(forked, WorkerProcess::fork(*surroundings_, action.who, *zygote_,
                                                   [this] { return zygote_ != nullptr && zygote_->look_alive(); }));
            place = std::move(forked);
            return {};
        }
        case Role::Balancer: {
            const auto served = [this, incarnation = action.who.id.incarnation] {
                return std::any_of(workers_.begin(), workers_.end(), [incarnation](const auto& worker) {
                    return worker != nullptr && worker->served_through(incarnation);
                });
            };
            FETTLE_TRY(balancer, BalancerProcess::start(
                                         *surroundings_, action.who, balancer_setup_,
                                         [this](const ipc::WorkerPrepared& message, std::vector<Fd> fds) {
                                             channels_arrived(message, std::move(fds));
                                         },
                                         served));
            balancer_ = std::move(balancer);
            break;
        }
        case Role::Zygote: {
            FETTLE_TRY(zygote, ZygoteProcess::start(*surroundings_, action.who, python_));
            zygote_ = std::move(zygote);
            break;
        }
    }
    inputs_.emplace_back(core::input::Hello{action.who});
    return {};
}

void App::carry_out(const core::action::Prepare& action) {
    const auto slots = static_cast<std::uint32_t>(config_.concurrency.threads);
    const WorkerProcess* worker = find(action.worker);
    const std::uint64_t served = worker == nullptr ? 0 : worker->served();  // on the channels of earlier balancers
    const std::uint64_t left = action.quota > served ? action.quota - served : 1;
    tell_balancer(ipc::PrepareWorker{.worker = action.worker,
                                     .slots = slots,
                                     .spares = std::max(1U, slots / 4),
                                     .quota = action.quota == 0 ? 0 : left});
}

void App::carry_out(const core::action::Attach& action) {
    if (WorkerProcess* worker = find(action.worker)) {
        worker->attach(static_cast<std::uint32_t>(config_.concurrency.threads));
    }
}

void App::carry_out(const core::action::Serve& action) {
    const WorkerProcess* worker = find(action.worker);
    tell_balancer(ipc::ServeWorker{.worker = action.worker, .pid = worker == nullptr ? 0 : worker->pid()});
    if (worker == nullptr) {
        return;
    }
    if (action.again) {
        log::info("worker attached to the new balancer seat={} pid={} incarnation={}", action.worker.seat,
                  worker->pid(), action.worker.incarnation);
    } else {
        log::info("worker ready seat={} pid={} incarnation={} took={}ms", action.worker.seat, worker->pid(),
                  action.worker.incarnation,
                  std::chrono::duration_cast<std::chrono::milliseconds>(worker->age()).count());
    }
}

void App::carry_out(const core::action::Drain& action) {
    if (const WorkerProcess* worker = find(action.worker)) {
        report::recycled(*worker, worker->served(), action.reason);
    }
    tell_balancer(ipc::DrainWorker{.worker = action.worker});
}

void App::carry_out(const core::action::Stop& action) {
    Child* child = find(action.who);
    if (child == nullptr) {
        return;
    }
    if (action.who.role == Role::Worker) {
        workers_[action.who.id.seat]->stop();
    } else {
        child->close_control();
    }
    if (action.terminate) {
        child->signal(SIGTERM);
    }
}

void App::end_by_force(const core::Ref& who, core::Reason reason, int signal) {
    if (Child* child = find(who)) {
        report::forced(who, *child, reason, signal, config_.timeouts);
        child->signal(signal);
    }
}

void App::carry_out(const core::action::Abort& action) {
    end_by_force(action.who, action.reason, SIGABRT);
}

void App::carry_out(const core::action::Kill& action) {
    end_by_force(action.who, action.reason, SIGKILL);
}

void App::carry_out(const core::action::CountViolation& action) {
    if (const WorkerProcess* worker = find(action.worker)) {
        report::violated(action, *worker);
    }
}

void App::carry_out(const core::action::Release& action) {
    const bool is_worker = action.who.role == Role::Worker;
    const WorkerProcess* worker = is_worker ? find(action.who.id) : nullptr;
    const Child* child = find(action.who);
    load_failure_said_ = load_failure_said_ || (child != nullptr && child->load_failed());
    report::released(action, child, worker == nullptr ? 0 : worker->served());
    if (is_worker) {
        tell_balancer(ipc::WorkerDead{.worker = action.who.id});
    }
    take(action.who).reset();
}

void App::carry_out(const core::action::ReportStuck& action) {
    if (const Child* child = find(action.who)) {
        report::stuck(*child);
    }
}

void App::carry_out(const core::action::Abandon& action) {
    if (find(action.who) != nullptr) {
        abandoned_.push_back(take(action.who));
    }
}

void App::carry_out(const core::action::StartAccepting&) {
    tell_balancer(ipc::StartAccepting{});
    if (serving_) {
        return;
    }
    serving_ = true;
    std::vector<std::string> urls;
    for (const Listener& listener : listeners_) {
        urls.push_back(listener.url());
    }
    report::serving(urls);
}

void App::carry_out(const core::action::StopAccepting&) {
    tell_balancer(ipc::StopAccepting{});
}

void App::carry_out(const core::action::DegradedChanged& action) {
    report::degraded_changed(action, pool_.seats());
}

void App::carry_out(const core::action::ExecInstead&) {
}  // the zygote's report has said it, with the names of the threads

void App::carry_out(const core::action::Exit& action) {
    exit_code_ = action.code;
    report::ended(action.code, config_, load_failure_said_);
    loop_.stop();
}

// The configuration with numbers in the place of what is "auto" by the number of CPUs.
config::Config with_numbers(config::Config config) {
    const CpuBudget budget = cpu_budget(CgroupView::of_this_process(), affinity_cpus());
    if (config.concurrency.processes == 0) {
        log::info("processes=auto is {}", budget.reasoning);
        config.concurrency.processes = budget.cpus;
    }
    if (config.http.threads == 0) {
        config.http.threads = std::min(balancer_threads(budget), config.http.max_connections);
    }
    return config;
}

}  // namespace

ExitCode run(const Options& options) {
    set_process_title("fettle: supervisor");
    const rlimit descriptors = raise_descriptor_limit();

    auto python = find_python(options.config, options.runtime_directory);
    if (!python) {
        log::error("{}", python.error().message());
        return ExitCode::Interpreter;
    }
    python->limits = {{RLIMIT_NOFILE, descriptors}};
    if (const std::string& file = options.config.log.file; file != "-") {
        python->log = Fd(::open(file.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644));
        if (!python->log.valid()) {
            log::warning("the workers' reports go to standard error: {}", errno_error("cannot open " + file).message());
        }
    }
    auto listeners = bind_all(options.config.listen);
    if (!listeners) {
        log::error("{}", listeners.error().message());
        return ExitCode::Bind;
    }
    config::Config config = with_numbers(options.config);
    python->multiprocess = config.concurrency.processes > 1;
    log::info("fettle " FETTLE_VERSION
              " starts pid={} application='{}' processes={} threads={} http_threads={} interpreter='{}'",
              ::getpid(), config.app.target, config.concurrency.processes, config.concurrency.threads,
              config.http.threads, python->interpreter);
    return App(options.executable, std::move(config), std::move(*python), std::move(*listeners)).run();
}

}  // namespace fettle::supervisor
