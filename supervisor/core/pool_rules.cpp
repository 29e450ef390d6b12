// What follows from the inputs of the pool: starts, links with the balancer, deaths, recycling and the stop plan.
// pool.cpp has the inputs themselves, the machine and the time-outs.
#include "base/assert.h"
#include "supervisor/core/pool.h"

#include <algorithm>
#include <cmath>

namespace fettle::supervisor::core {

// ---- starts

void Pool::start_what_can() {
    const auto start = [this](Place& place) {
        if (place.state == State::Empty && may_start(place)) {
            deliver(place, Event::Start);
        }
    };
    start(balancer_);
    start(zygote_);
    std::for_each(workers_.begin(), workers_.end(), start);
}

bool Pool::may_start(const Place& place) const {
    switch (place.who.role) {
        case Role::Balancer:
            return phase_ == Phase::Running;
        case Role::Zygote:
            return preload_ && phase_ < Phase::Stopping;
        case Role::Worker:
            break;
    }
    if (phase_ >= Phase::Stopping || (preload_ && zygote_.state != State::Serving)) {
        return false;
    }
    const auto starting = std::count_if(workers_.begin(), workers_.end(),
                                        [](const Place& other) { return is_starting(other.state); });
    return static_cast<std::size_t>(starting) < (intensity_.degraded() ? 1 : kStartsInFlight);
}

void Pool::spawn(Place& place) {
    const bool is_worker = place.who.role == Role::Worker;
    place.who.id.incarnation = is_worker ? ++last_worker_incarnation_ : place.who.id.incarnation + 1;
    place.filling = Filling{};
    place.filling.spawned = now_;
    place.filling.method = is_worker && preload_ ? action::Method::Fork : action::Method::Exec;
    emit(action::Spawn{place.who, place.filling.method});
    if (!is_worker) {
        return;
    }
    if (settings_.max_requests > 0) {
        const double jitter = random_.spread() * static_cast<double>(settings_.max_requests_jitter);
        place.filling.quota =
                static_cast<std::uint64_t>(std::max<std::int64_t>(1, settings_.max_requests + std::llround(jitter)));
    }
    if (balancer_.state == State::Serving) {
        want_link(place);
    }
}

// From now on the process of this place does its work.
void Pool::served(Place& place) {
    place.filling.ready_since = now_;
    switch (place.who.role) {
        case Role::Balancer:
            balancer_is_ready();
            return;
        case Role::Zygote:
            zygote_was_ready_ = true;
            return;
        case Role::Worker:
            break;
    }
    place.recycling = false;
    if (settings_.max_lifetime > Duration::zero()) {
        const auto jitter = std::chrono::duration_cast<Duration>(settings_.max_lifetime_jitter * random_.spread());
        place.filling.recycle_at = now_ + std::max<Duration>(kEarlyUptime, settings_.max_lifetime + jitter);
    }
    emit(action::Serve{place.who.id, false});
    if (!worker_was_ready_) {
        first_worker_serves();
    }
}

void Pool::first_worker_serves() {
    worker_was_ready_ = true;
    for (Place& place : workers_) {
        if (place.state == State::Failed) {
            deliver(place, Event::Revive);
        }
    }
    if (phase_ == Phase::Running) {
        accepting_ = true;
        emit(action::StartAccepting{});
    }
}

// ---- links with the balancer

void Pool::want_link(Place& place) {
    place.filling.link = Link::Wanted;
    if (place.state == State::Serving) {
        place.filling.link_deadline = now_ + settings_.start;
    }
}

void Pool::prepare_some() {
    if (balancer_.state != State::Serving) {
        return;
    }
    const auto is = [](Link link) { return [link](const Place& place) { return place.filling.link == link; }; };
    auto preparing = static_cast<std::size_t>(std::count_if(workers_.begin(), workers_.end(), is(Link::Preparing)));
    for (Place& place : workers_) {
        if (preparing < kLinksInFlight && place.filling.link == Link::Wanted && !is_leaving(place.state)) {
            ++preparing;
            place.filling.link = Link::Preparing;
            emit(action::Prepare{place.who.id, place.filling.quota});
        }
    }
}

void Pool::balancer_is_ready() {
    balancer_was_ready_ = true;
    for (Place& place : workers_) {
        if (is_starting(place.state) || place.state == State::Serving) {
            want_link(place);
        }
    }
    // Clients wait in the backlog since the last balancer died.
    if (accepting_) {
        emit(action::StartAccepting{});
    }
}

void Pool::balancer_is_gone() {
    for (Place& place : workers_) {
        place.filling.link = Link::None;
        place.filling.link_deadline.reset();
        deliver(place, Event::BalancerLost);
    }
    if (phase_ == Phase::Quiescing) {
        stop_workers(false);  // with its clients gone there is nothing to finish
    }
}

void Pool::serve_if_linked(Place& place) {
    if (place.filling.said_ready && place.filling.link == Link::Linked) {
        deliver(place, Event::Ready);
    }
}

// ---- deaths

// Without a word from it: shells and loaders end with 126 and 127 when they cannot run a program, boot.py with our own
// code when it finds itself in an interpreter that is too old.
ExitCode Pool::silent_death(const input::Exited& exited) {
    const bool interpreter = exited.exit_code && (*exited.exit_code == 126 || *exited.exit_code == 127 ||
                                                  *exited.exit_code == static_cast<int>(ExitCode::Interpreter));
    return interpreter ? ExitCode::Interpreter : ExitCode::AppLoad;
}

std::optional<ExitCode> Pool::fatal_at_first_start(const Place& place, const input::Exited& exited) const {
    if (place.filling.asked || phase_ >= Phase::Stopping) {
        return std::nullopt;
    }
    switch (place.who.role) {
        case Role::Zygote:
            return zygote_was_ready_ ? std::nullopt : std::optional(exited.load_failed.value_or(silent_death(exited)));
        case Role::Worker:
            return worker_was_ready_ ? std::nullopt : exited.load_failed;
        case Role::Balancer:
            break;
    }
    // An exit code is the balancer's own decision and will not change by itself; a signal may.
    if (balancer_was_ready_ || !exited.exit_code) {
        return std::nullopt;
    }
    return *exited.exit_code == 0 ? ExitCode::Internal : static_cast<ExitCode>(*exited.exit_code);
}

void Pool::died(Place& place, bool did_its_work, bool give_up_on_it) {
    if (place.filling.asked || phase_ >= Phase::Stopping) {
        deliver(place, Event::Exit);
        return;
    }
    if (!is_early_death(place.filling.ready_since, now_, did_its_work)) {
        place.backoff.late_death();
        deliver(place, Event::Exit);
        return;
    }
    early_death(place);
    const bool was_ready = place.who.role == Role::Worker
                                   ? worker_was_ready_
                                   : (place.who.role == Role::Balancer ? balancer_was_ready_ : zygote_was_ready_);
    const bool spent = !was_ready && place.backoff.early_deaths() >= settings_.start_attempts;
    deliver(place, give_up_on_it || spent ? Event::FinalExit : Event::EarlyExit);
}

void Pool::early_death(Place& place) {
    place.recycling = false;
    place.restart_delay = place.backoff.early_death(random_);
    if (place.who.role == Role::Worker && intensity_.early_death(now_)) {
        emit(action::DegradedChanged{true, intensity_.deaths_in_window()});
    }
}

void Pool::release(Place& place) {
    action::Release release{
            .who = place.who, .planned = place.filling.asked, .early_deaths = place.backoff.early_deaths()};
    if (place.state == State::Failed) {
        release.next = Next::GivenUp;
    } else if (place.state == State::Backoff) {
        release.next = Next::Later;
        release.delay = place.restart_delay;
    } else if (phase_ >= Phase::Stopping || (place.who.role == Role::Balancer && phase_ != Phase::Running) ||
               (place.who.role == Role::Zygote && !preload_)) {
        release.next = Next::None;
    } else {
        release.next = may_start(place) ? Next::Now : Next::Waiting;
    }
    place.filling = Filling{};
    emit(release);
}

void Pool::give_up_if_failed() {
    const auto failed = [](const Place& place) { return place.state == State::Failed; };
    if (phase_ >= Phase::Stopping) {
        return;
    }
    if (failed(balancer_) || failed(zygote_)) {
        give_up(ExitCode::Internal);
    } else if (std::all_of(workers_.begin(), workers_.end(), failed)) {
        give_up(ExitCode::NeverReady);
    }
}

void Pool::give_up(ExitCode code) {
    exit_code_ = code;
    stop_workers(true);
}

// ---- recycling

void Pool::want_recycled(Place& place, Recycle reason) {
    if (!place.filling.recycle) {
        recycle_queue_.push_back(place.who.id);
    }
    if (!place.filling.recycle || reason == Recycle::Asked) {
        place.filling.recycle = reason;
    }
}

void Pool::recycle_some() {
    if (phase_ != Phase::Running) {
        return;
    }
    const auto recycling = static_cast<std::size_t>(
            std::count_if(workers_.begin(), workers_.end(), [](const Place& place) { return place.recycling; }));
    std::size_t free = std::max<std::size_t>(1, workers_.size() / 4);
    free -= std::min(free, recycling);

    std::deque<WorkerId> later;
    for (const WorkerId& worker : std::exchange(recycle_queue_, {})) {
        Place* place = find(worker);
        if (place == nullptr || place->state != State::Serving) {
            continue;  // it has left already
        }
        if (free == 0 || (intensity_.degraded() && place->filling.recycle != Recycle::Asked)) {
            later.push_back(worker);
            continue;
        }
        --free;
        place->recycling = true;
        deliver(*place, Event::Recycle);
        if (balancer_.state != State::Serving) {
            deliver(*place, Event::BalancerLost);
        }
    }
    recycle_queue_ = std::move(later);
}

// ---- the stop plan

void Pool::stop_workers(bool quick) {
    if (phase_ == Phase::Gone) {
        return;
    }
    phase_ = Phase::Stopping;
    quick_ = quick_ || quick;
    quiesce_deadline_.reset();
    const auto stop = [this](Place& place) {
        deliver(place, Event::Stop);
        if (quick_ && (place.state == State::Terminating || place.state == State::Aborting)) {
            place.deadline = std::min(*place.deadline, now_ + kQuickLimit);
        }
    };
    std::for_each(workers_.begin(), workers_.end(), stop);
    stop(zygote_);
    if (quick_ && is_leaving(balancer_.state)) {
        stop(balancer_);
    }
}

void Pool::finish_if_empty() {
    const auto empty = [](const Place& place) { return place.state == State::Empty; };
    if (phase_ != Phase::Stopping || !std::all_of(workers_.begin(), workers_.end(), empty)) {
        return;
    }
    // The balancer goes last: it had to answer the clients of the workers' last requests.
    deliver(balancer_, Event::Stop);
    if (empty(balancer_) && empty(zygote_)) {
        phase_ = Phase::Gone;
        emit(action::Exit{exit_code_});
    }
}

}  // namespace fettle::supervisor::core
