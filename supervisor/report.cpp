#include "supervisor/report.h"

#include "base/log.h"

#include <fmt/format.h>

#include <csignal>

namespace fettle::supervisor::report {

namespace {

double seconds(Duration duration) {
    return std::chrono::duration<double>(duration).count();
}

std::string subject(const core::Ref& who, const char* verb) {
    switch (who.role) {
        case core::Role::Worker:
            return fmt::format("worker {} seat={}", verb, who.id.seat);
        case core::Role::Balancer:
            return fmt::format("balancer {}", verb);
        case core::Role::Zygote:
            return fmt::format("zygote {}", verb);
    }
    return "";
}

std::string why(core::Reason reason, const config::Timeouts& timeouts) {
    switch (reason) {
        case core::Reason::StartTimeout:
            return fmt::format("it was not ready within {:g} s; if its import needs longer, raise timeouts.start",
                               timeouts.start.count());
        case core::Reason::DrainTimeout:
            return fmt::format("its requests did not end within {:g} s (timeouts.graceful)", timeouts.graceful.count());
        case core::Reason::StopTimeout:
            return fmt::format("it did not exit within {:g} s (timeouts.term)", timeouts.term.count());
        case core::Reason::AbortTimeout:
            return "it survived SIGABRT";
        case core::Reason::Unresponsive:
            return "it does not respond";
        case core::Reason::ProtocolBroken:
            return "it broke the protocol";
        case core::Reason::Violation:
            return "it broke the protocol of its channels";
        case core::Reason::NotServed:
            return "the balancer cannot serve it";
        case core::Reason::QuickStop:
            return "fettle stops at once";
    }
    return "";
}

std::string why(core::Recycle reason) {
    switch (reason) {
        case core::Recycle::Quota:
            return "it has served its share (recycle.max_requests)";
        case core::Recycle::Lifetime:
            return "it is old enough (recycle.max_lifetime)";
        case core::Recycle::Asked:
            return "it asks to leave";
    }
    return "";
}

}  // namespace

std::string next_step(const core::action::Release& release) {
    switch (release.next) {
        case core::Next::Now:
            return "restarting now";
        case core::Next::Later:
            return fmt::format("restarting in {:.1f} s (early death {})", seconds(release.delay), release.early_deaths);
        case core::Next::Waiting:
            return "restarting as soon as possible";
        case core::Next::GivenUp:
            return "giving up";
        case core::Next::None:
            return "not restarted";
    }
    return "";
}

void released(const core::action::Release& release, const Child* child, std::uint64_t requests) {
    if (child == nullptr || child->pid() == 0) {
        // Through no fault of its own, if nothing is counted against it: the zygote's death has been reported.
        const bool counted = release.next == core::Next::Later || release.next == core::Next::GivenUp;
        log::at(counted ? log::Level::Warning : log::Level::Info, "{} incarnation={} next='{}'",
                subject(release.who, "did not start"), release.who.id.incarnation, next_step(release));
        return;
    }
    std::string line = fmt::format("{} pid={} incarnation={} cause='{}' uptime={:.1f}s",
                                   subject(release.who, release.planned ? "left" : "died"), child->pid(),
                                   release.who.id.incarnation, describe(child->exit_info()), seconds(child->age()));
    if (release.who.role == core::Role::Worker) {
        line += fmt::format(" requests={}", requests);
    }
    line += fmt::format(" next='{}'", next_step(release));
    // A failed import has been reported, with what to do, when the process said so; nothing is added if fettle gives
    // up.
    const bool told = child->load_failed().has_value();
    const bool expected = (release.planned && child->exit_info().clean()) || told;
    const bool adds_nothing = told && release.next == core::Next::GivenUp;
    log::at(adds_nothing ? log::Level::Debug : expected ? log::Level::Info : log::Level::Warning, "{}", line);
}

void forced(const core::Ref& who, const Child& child, core::Reason reason, int signal,
            const config::Timeouts& timeouts) {
    const bool said_already = reason == core::Reason::Violation;
    log::at(said_already ? log::Level::Debug : log::Level::Warning, "{} pid={} incarnation={} signal={} reason='{}'",
            subject(who, "is ended by force"), child.pid(), who.id.incarnation, signal_name(signal),
            why(reason, timeouts));
}

void violated(const core::action::CountViolation& action, const Child& worker) {
    log::error(
            "worker_protocol_violation seat={} pid={} incarnation={} reason='{}' of_seat={}, it is killed; its code, "
            "or "
            "a library, writes where it must not",
            action.worker.seat, worker.pid(), action.worker.incarnation, ipc::text_of(action.violation),
            action.of_seat);
}

void recycled(const Child& worker, std::uint64_t requests, core::Recycle reason) {
    log::info("worker drains, to be replaced seat={} pid={} incarnation={} requests={} reason='{}'",
              worker.who().id.seat, worker.pid(), worker.who().id.incarnation, requests, why(reason));
}

void stuck(const Child& child) {
    log::error(
            "{} pid={} incarnation={}: even SIGKILL does not end it, it hangs in the kernel (see /proc/{}/stack and "
            "its file systems); "
            "its place is filled anew",
            subject(child.who(), "is stuck"), child.pid(), child.who().id.incarnation, child.pid());
}

void serving(const std::vector<std::string>& urls) {
    for (const std::string& url : urls) {
        log::info("serving on {}", url);
    }
}

void degraded_changed(const core::action::DegradedChanged& change, std::size_t seats) {
    if (change.degraded) {
        log::error(
                "degraded seats={}: {} workers died early within 30 s; from now on one is started at a time, those that "
                "serve go on",
                seats, change.early_deaths);
    } else {
        log::info("no longer degraded seats={}: no worker died early for 60 s", seats);
    }
}

void stop_requested(int signal, bool again, const config::Timeouts& timeouts) {
    if (again || signal == SIGQUIT) {
        log::info("stopping at once signal={}", signal_name(signal));
    } else {
        log::info("stopping signal={}: running requests get {:g} s; a second signal stops at once", signal_name(signal),
                  timeouts.graceful.count());
    }
}

void ended(ExitCode code, const config::Config& config, bool load_failure_said) {
    if (load_failure_said && (code == ExitCode::AppLoad || code == ExitCode::Interpreter)) {
        log::info("stopped exit_code={}", static_cast<int>(code));
        return;
    }
    switch (code) {
        case ExitCode::Ok:
            log::info("stopped");
            return;
        case ExitCode::NeverReady:
            log::error("no worker became ready in {} attempts of each seat; the lines above say why exit_code={}",
                       config.restart.start_attempts, static_cast<int>(code));
            return;
        case ExitCode::AppLoad:
            log::error(
                    "the application '{}' cannot be imported; the lines above say why (try: fettle check) exit_code={}",
                    config.app.target, static_cast<int>(code));
            return;
        case ExitCode::Interpreter:
            log::error("Python cannot run fettle's workers; the lines above say why exit_code={}",
                       static_cast<int>(code));
            return;
        case ExitCode::Internal:
        case ExitCode::Usage:
        case ExitCode::Bind:
        case ExitCode::Configuration:
            break;
    }
    log::error("fettle cannot serve; the lines above say why exit_code={}", static_cast<int>(code));
}

}  // namespace fettle::supervisor::report
