// What goes into the pool and what comes out: plain values, so that a run can be replayed. Time is passed along with
// each input.
#pragma once

#include "base/clock.h"
#include "base/exit_codes.h"
#include "ipc/control.h"
#include "ipc/violation.h"

#include <cstdint>
#include <optional>
#include <variant>

namespace fettle::supervisor::core {

using ipc::WorkerId;

enum class Role : std::uint8_t { Worker, Balancer, Zygote };

// One process: a filling of a place. The balancer and the zygote have one place each (seat 0) and count their own
// incarnations.
struct Ref {
    Role role = Role::Worker;
    WorkerId id;
    bool operator==(const Ref&) const = default;
};

// ---- inputs

namespace input {

struct Begin {};  // once, first

// A worker's Hello; for the balancer and the zygote: fork and exec were done, its pid is known.
struct Hello {
    Ref who;
};

// Ready, BalancerReady, ZygoteReady. `tasks` of a zygote: more than 1 means that it cannot fork workers.
struct Ready {
    Ref who;
    std::uint32_t tasks = 1;
};

// It could not be started: fork or exec failed, or it died before its Hello.
struct SpawnFailed {
    Ref who;
};

// A zygote says that it could not fork a worker.
struct ForkFailed {
    WorkerId worker;
};

// No worker was born because the zygote died first.
struct SpawnLost {
    WorkerId worker;
};

// Proof of death; everything it had sent was handled before.
struct Exited {
    Ref who;
    bool did_its_work = false;            // completed a response; the zygote: forked a worker
    std::optional<ExitCode> load_failed;  // it said LoadFailed: AppLoad or Interpreter
    std::optional<int> exit_code;         // it was not killed by a signal
};

// The end of its control socket while it still lives: it is about to exit, or broken.
struct Closed {
    Ref who;
};

// It broke the protocol, or does not read its control socket.
struct Broken {
    Ref who;
};

// The balancer says that a worker broke the protocol of the channels between the two.
struct Violation {
    WorkerId worker;
    std::uint32_t balancer = 0;  // incarnation
    ipc::Violation violation{};
};

// The balancer cannot serve a worker, through no fault of that worker.
struct CannotServe {
    WorkerId worker;
    std::uint32_t balancer = 0;  // incarnation
};

struct Prepared {  // the balancer made the worker's channels
    WorkerId worker;
    std::uint32_t balancer = 0;  // incarnation
};

struct Attached {  // the worker mapped them
    WorkerId worker;
    std::uint32_t balancer = 0;
};

struct Drained {
    WorkerId worker;
};

struct Leaving {  // the worker received SIGTERM
    WorkerId worker;
};

struct QuotaSpent {
    WorkerId worker;
};

struct Quiesced {};  // the balancer has nothing left to do

struct StopRequested {
    bool quick = false;
};

struct Tick {};  // a deadline has passed, or nothing: always allowed

}  // namespace input

using Input = std::variant<input::Begin, input::Hello, input::Ready, input::SpawnFailed, input::ForkFailed,
                           input::SpawnLost, input::Exited, input::Closed, input::Broken, input::Violation,
                           input::CannotServe, input::Prepared, input::Attached, input::Drained, input::Leaving,
                           input::QuotaSpent, input::Quiesced, input::StopRequested, input::Tick>;

// ---- actions, to be carried out in order

// Why a process is ended; for the log.
enum class Reason : std::uint8_t {
    StartTimeout,    // it did not become ready
    DrainTimeout,    // its requests did not end
    StopTimeout,     // it did not exit when asked
    AbortTimeout,    // it survived SIGABRT
    Unresponsive,    // it closed its control socket and lives on, or owes an answer for too long
    ProtocolBroken,  // it said something impossible, or does not read
    Violation,       // it broke the protocol of its channels
    NotServed,       // the balancer cannot serve it
    QuickStop,
};

// Why a worker is recycled; for the log.
enum class Recycle : std::uint8_t { Quota, Lifetime, Asked };

enum class Next : std::uint8_t {
    Now,      // restarted at once
    Later,    // after a delay
    Waiting,  // as soon as it is possible: the zygote is not ready, or the pool is degraded
    GivenUp,  // attempts of the first start are spent
    None,     // the pool stops
};

namespace action {

enum class Method : std::uint8_t { Fork, Exec };

struct Spawn {
    Ref who;
    Method method = Method::Exec;  // Fork: by the zygote
};

struct Prepare {  // tell the balancer
    WorkerId worker;
    std::uint64_t quota = 0;  // of the incarnation's whole life; 0: none
};

struct Attach {  // forward the channels to the worker
    WorkerId worker;
};

struct Serve {  // tell the balancer
    WorkerId worker;
    bool again = false;  // after a restart of the balancer
};

struct Drain {  // tell the balancer
    WorkerId worker;
    Recycle reason{};
};

struct Stop {  // a worker: StopWorker; the balancer and the zygote: end of the control socket
    Ref who;
    bool terminate = false;  // SIGTERM as well
};

struct Abort {
    Ref who;
    Reason reason{};
};

struct Kill {
    Ref who;
    Reason reason{};
};

// A worker broke the protocol of its channels; Kill follows.
struct CountViolation {
    WorkerId worker;
    ipc::Violation violation{};
    std::uint64_t of_seat = 0;  // so far, this one included
};

// The process is gone (or was never born): free what belonged to it.
struct Release {
    Ref who;
    bool planned = false;  // it was asked to go
    Next next{};
    Duration delay{};      // with Later
    int early_deaths = 0;  // in a row
};

struct ReportStuck {
    Ref who;
};

struct Abandon {  // keep its pidfd, and Release by yourself when it dies after all
    Ref who;
};

struct StartAccepting {};

struct StopAccepting {};

struct DegradedChanged {
    bool degraded = false;
    std::size_t early_deaths = 0;  // in the window
};

struct ExecInstead {  // the zygote has threads: from now on every worker imports by itself
};

// Everything is gone: leave with this code. Comes once, last.
struct Exit {
    ExitCode code = ExitCode::Ok;
};

}  // namespace action

using Output = std::variant<action::Spawn, action::Prepare, action::Attach, action::Serve, action::Drain, action::Stop,
                            action::Abort, action::Kill, action::CountViolation, action::Release, action::ReportStuck,
                            action::Abandon, action::StartAccepting, action::StopAccepting, action::DegradedChanged,
                            action::ExecInstead, action::Exit>;

}  // namespace fettle::supervisor::core
