#include "supervisor/core/pool.h"

#include "base/assert.h"

#include <algorithm>
#include <utility>

namespace fettle::supervisor::core {

namespace {

Duration to_duration(config::Seconds seconds) {
    return std::chrono::duration_cast<Duration>(seconds);
}

void keep_earliest(std::optional<TimePoint>& earliest, const std::optional<TimePoint>& candidate) {
    if (candidate && (!earliest || *candidate < *earliest)) {
        earliest = candidate;
    }
}

}  // namespace

Settings Settings::from(const config::Config& config, std::uint32_t seats) {
    Settings settings;
    settings.seats = seats;
    settings.preload = config.app.preload;
    settings.start = to_duration(config.timeouts.start);
    settings.graceful = to_duration(config.timeouts.graceful);
    settings.term = to_duration(config.timeouts.term);
    settings.restart = {to_duration(config.restart.base_delay), to_duration(config.restart.max_delay)};
    settings.start_attempts = config.restart.start_attempts;
    settings.max_requests = config.recycle.max_requests;
    settings.max_requests_jitter = config.recycle.max_requests_jitter;
    settings.max_lifetime = to_duration(config.recycle.max_lifetime);
    settings.max_lifetime_jitter = to_duration(config.recycle.max_lifetime_jitter);
    return settings;
}

Pool::Pool(Settings settings, std::uint64_t seed)
    : settings_(settings),
      random_(seed),
      balancer_(Ref{Role::Balancer, {}}, settings.restart),
      zygote_(Ref{Role::Zygote, {}}, settings.restart),
      intensity_(settings.seats),
      preload_(settings.preload) {
    FETTLE_ASSERT(settings.seats > 0, "a pool needs a seat");
    for (std::uint32_t seat = 0; seat < settings.seats; ++seat) {
        workers_.emplace_back(Ref{Role::Worker, {seat, 0}}, settings.restart);
    }
}

std::vector<Output> Pool::handle(const Input& input, TimePoint now) {
    now_ = now;
    std::visit([this](const auto& value) { on(value); }, input);
    if (begun_) {
        start_what_can();
        prepare_some();
        recycle_some();
        finish_if_empty();
    }
    return std::exchange(outputs_, {});
}

std::optional<TimePoint> Pool::deadline() const {
    std::optional<TimePoint> earliest = intensity_.deadline();
    keep_earliest(earliest, quiesce_deadline_);
    const auto look_at = [&earliest](const Place& place) {
        keep_earliest(earliest, place.deadline);
        keep_earliest(earliest, place.filling.closed_deadline);
        keep_earliest(earliest, place.filling.link_deadline);
        keep_earliest(earliest, place.filling.recycle_at);
    };
    look_at(balancer_);
    look_at(zygote_);
    std::for_each(workers_.begin(), workers_.end(), look_at);
    return earliest;
}

std::size_t Pool::serving() const {
    return static_cast<std::size_t>(std::count_if(workers_.begin(), workers_.end(),
                                                  [](const Place& place) { return place.state == State::Serving; }));
}

// ---- inputs

void Pool::on(const input::Begin&) {
    FETTLE_ASSERT(!begun_, "Begin comes once");
    begun_ = true;
}

void Pool::on(const input::Hello& input) {
    if (Place* place = find(input.who)) {
        deliver_from(*place, *place, Event::Hello);
    }
}

void Pool::on(const input::Ready& input) {
    Place* place = find(input.who);
    if (place == nullptr) {
        return;
    }
    if (place->who.role == Role::Worker) {
        // Its READY counts for the machine once it is attached as well.
        if (place->state != State::Booting || place->filling.said_ready) {
            deliver_from(*place, *place, Event::Ready);
            return;
        }
        place->filling.said_ready = true;
        serve_if_linked(*place);
        return;
    }
    deliver_from(*place, *place, Event::Ready);
    if (place->who.role == Role::Zygote && place->state == State::Serving && input.tasks > 1) {
        preload_ = false;
        emit(action::ExecInstead{});
        deliver(*place, Event::Stop);
    }
}

void Pool::on(const input::SpawnFailed& input) {
    if (Place* place = find(input.who)) {
        died(*place, false, false);
        give_up_if_failed();
    }
}

// The zygote runs the application's code. It may speak of workers that were asked of it and have not been born; a lie
// about one that lives must not have it taken for dead.
void Pool::on(const input::ForkFailed& input) {
    Place* place = find(input.worker);
    if (place == nullptr) {
        return;
    }
    if (place->state != State::Spawning || place->filling.method != action::Method::Fork) {
        kill(zygote_, Reason::ProtocolBroken);
        return;
    }
    died(*place, false, false);
    give_up_if_failed();
}

void Pool::on(const input::SpawnLost& input) {
    Place* place = find(input.worker);
    if (place != nullptr && transition(place->state, Event::ZygoteLost).verdict == Transition::Verdict::Go) {
        deliver(*place, Event::ZygoteLost);
    }
}

void Pool::on(const input::Exited& input) {
    Place* place = find(input.who);
    if (place == nullptr) {
        return;
    }
    const std::optional<ExitCode> fatal = fatal_at_first_start(*place, input);
    died(*place, input.did_its_work && !place->filling.violated, fatal.has_value());
    if (place->who.role == Role::Balancer) {
        balancer_is_gone();
    }
    if (fatal) {
        give_up(*fatal);
    }
    give_up_if_failed();
}

void Pool::on(const input::Closed& input) {
    Place* place = find(input.who);
    if (place != nullptr && (!is_leaving(place->state) || place->state == State::Draining)) {
        place->filling.closed_deadline = now_ + kClosedLimit;
    }
}

void Pool::on(const input::Broken& input) {
    if (Place* place = find(input.who)) {
        kill(*place, Reason::ProtocolBroken);
    }
}

// Only the living balancer may accuse a worker, and only one whose channels it has made: an accusation of anybody else
// is a lie. One that leaves may have been accused by a message that was under way.
void Pool::on(const input::Violation& input) {
    Place* place = find(input.worker);
    if (place == nullptr || !is_living_balancer(input.balancer)) {
        return;
    }
    const bool has_channels = place->filling.link == Link::Attaching || place->filling.link == Link::Linked;
    if (!has_channels && !is_leaving(place->state)) {
        kill(balancer_, Reason::ProtocolBroken);
        return;
    }
    if (std::exchange(place->filling.violated, true)) {
        return;
    }
    emit(action::CountViolation{input.worker, input.violation, ++place->violations});
    kill(*place, Reason::Violation);
}

void Pool::on(const input::CannotServe& input) {
    Place* place = find(input.worker);
    if (place == nullptr || is_leaving(place->state) || !is_living_balancer(input.balancer)) {
        return;
    }
    kill(*place, Reason::NotServed);
}

void Pool::on(const input::Prepared& input) {
    Place* place = find(input.worker);
    if (place == nullptr || is_leaving(place->state) || !is_living_balancer(input.balancer)) {
        return;
    }
    if (place->filling.link != Link::Preparing) {
        kill(balancer_, Reason::ProtocolBroken);
        return;
    }
    place->filling.link = Link::Attaching;
    emit(action::Attach{place->who.id});
}

void Pool::on(const input::Attached& input) {
    Place* place = find(input.worker);
    if (place == nullptr || is_leaving(place->state) || !is_living_balancer(input.balancer)) {
        return;
    }
    if (place->filling.link != Link::Attaching || place->state == State::Spawning) {
        kill(*place, Reason::ProtocolBroken);
        return;
    }
    place->filling.link = Link::Linked;
    place->filling.link_deadline.reset();
    if (place->state == State::Serving) {
        emit(action::Serve{place->who.id, true});
    } else {
        serve_if_linked(*place);
    }
}

void Pool::on(const input::Drained& input) {
    if (Place* place = find(input.worker)) {
        deliver_from(balancer_, *place, Event::Drained);
    }
}

void Pool::on(const input::Leaving& input) {
    Place* place = find(input.worker);
    if (place == nullptr) {
        return;
    }
    if (place->state != State::Serving) {
        deliver_from(*place, *place, Event::Recycle);
        return;
    }
    want_recycled(*place, Recycle::Asked);
}

void Pool::on(const input::QuotaSpent& input) {
    Place* place = find(input.worker);
    if (place != nullptr && place->state == State::Serving) {
        want_recycled(*place, Recycle::Quota);
    }
}

void Pool::on(const input::Quiesced&) {
    if (phase_ == Phase::Quiescing) {
        stop_workers(false);
    }
}

void Pool::on(const input::StopRequested& input) {
    if (input.quick || phase_ != Phase::Running) {
        stop_workers(true);
    } else if (accepting_ && balancer_.state == State::Serving) {
        phase_ = Phase::Quiescing;
        quiesce_deadline_ = now_ + settings_.graceful;
        emit(action::StopAccepting{});
    } else {
        stop_workers(false);  // nobody has been served yet, or nobody can be
    }
}

void Pool::on(const input::Tick&) {
    if (intensity_.tick(now_)) {
        emit(action::DegradedChanged{false, 0});
    }
    if (quiesce_deadline_ && *quiesce_deadline_ <= now_) {
        stop_workers(false);
    }
    check_times(balancer_);
    check_times(zygote_);
    for (Place& place : workers_) {
        check_times(place);
    }
}

// ---- the machine

Pool::Place* Pool::find(const Ref& who) {
    Place* place = nullptr;
    switch (who.role) {
        case Role::Worker:
            place = who.id.seat < workers_.size() ? &workers_[who.id.seat] : nullptr;
            break;
        case Role::Balancer:
            place = &balancer_;
            break;
        case Role::Zygote:
            place = &zygote_;
            break;
    }
    return place != nullptr && has_process(place->state) && place->who == who ? place : nullptr;
}

// Answers about the channels of a balancer that has died meanwhile mean nothing.
bool Pool::is_living_balancer(std::uint32_t incarnation) const {
    return balancer_.state == State::Serving && balancer_.who.id.incarnation == incarnation;
}

void Pool::deliver(Place& place, Event event) {
    const Transition& step = transition(place.state, event);
    FETTLE_ASSERT(step.verdict != Transition::Verdict::Impossible, "the pool sent a seat an impossible event");
    if (step.verdict == Transition::Verdict::Ignored) {
        return;
    }
    if (event == Event::Stop || event == Event::Recycle) {
        place.filling.asked = true;
    }
    place.state = step.next;
    perform(place, step.action);
    arm(place);
}

// An event that is impossible in this state breaks the protocol if a process claims it.
void Pool::deliver_from(Place& sender, Place& place, Event event) {
    if (transition(place.state, event).verdict == Transition::Verdict::Impossible) {
        kill(sender, Reason::ProtocolBroken);
    } else {
        deliver(place, event);
    }
}

void Pool::perform(Place& place, Action action) {
    switch (action) {
        case Action::None:
            return;
        case Action::Spawn:
            spawn(place);
            return;
        case Action::Serve:
            served(place);
            return;
        case Action::Drain:
            emit(action::Drain{place.who.id, place.filling.recycle.value_or(Recycle::Asked)});
            return;
        case Action::Stop:
            emit(action::Stop{place.who, false});
            return;
        case Action::Terminate:
            emit(action::Stop{place.who, true});
            return;
        case Action::Abort:
            emit(action::Abort{place.who, place.filling.reason});
            return;
        case Action::Kill:
            emit(action::Kill{place.who, place.filling.reason});
            return;
        case Action::Release:
            release(place);
            return;
        case Action::ReportStuck:
            emit(action::ReportStuck{place.who});
            return;
        case Action::Abandon:
            emit(action::Abandon{place.who});
            return;
    }
}

void Pool::arm(Place& place) {
    switch (limit_of(place.state)) {
        case Limit::None:
            place.deadline.reset();
            return;
        case Limit::Spawn:
            place.deadline = now_ + (place.filling.method == action::Method::Fork ? kSpawnLimit : settings_.start);
            return;
        case Limit::Start:
            place.deadline = place.filling.spawned + settings_.start;
            return;
        case Limit::Graceful:
            place.deadline = now_ + settings_.graceful;
            return;
        case Limit::Term:
            place.deadline = now_ + (quick_ ? kQuickLimit : settings_.term);
            return;
        case Limit::Abort:
            place.deadline = now_ + (quick_ ? kQuickLimit : kAbortLimit);
            return;
        case Limit::Kill:
            place.deadline = now_ + kKillLimit;
            return;
        case Limit::Stuck:
            place.deadline = now_ + kStuckLimit;
            return;
        case Limit::Backoff:
            place.deadline = now_ + place.restart_delay;
            return;
    }
}

void Pool::kill(Place& place, Reason reason) {
    if (transition(place.state, Event::Kill).verdict == Transition::Verdict::Go) {
        if (reason == Reason::ProtocolBroken && !std::exchange(place.filling.violated, true)) {
            ++place.violations;
        }
        place.filling.reason = reason;
        place.filling.closed_deadline.reset();
        place.filling.link_deadline.reset();
        deliver(place, Event::Kill);
    }
}

// ---- time

void Pool::check_times(Place& place) {
    const auto passed = [this](const std::optional<TimePoint>& deadline) { return deadline && *deadline <= now_; };
    if (passed(place.filling.closed_deadline)) {
        kill(place, Reason::Unresponsive);
    }
    if (passed(place.filling.link_deadline)) {
        link_overdue(place);
    }
    if (passed(place.filling.recycle_at)) {
        place.filling.recycle_at.reset();
        want_recycled(place, Recycle::Lifetime);
    }
    if (passed(place.deadline)) {
        timed_out(place);
    }
}

void Pool::timed_out(Place& place) {
    if (place.state == State::Booting && place.who.role == Role::Worker && place.filling.link != Link::Attaching &&
        place.filling.link != Link::Linked) {
        balancer_owes_link(place);
        return;
    }
    if (place.state == State::Spawning && place.filling.method == action::Method::Fork) {
        kill(zygote_, Reason::Unresponsive);
    }
    if (quick_ && (place.state == State::Terminating || place.state == State::Aborting)) {
        kill(place, Reason::QuickStop);
        return;
    }
    switch (place.state) {
        case State::Spawning:
        case State::Booting:
            place.filling.reason = Reason::StartTimeout;
            break;
        case State::Draining:
            place.filling.reason = Reason::DrainTimeout;
            break;
        case State::Terminating:
            place.filling.reason = Reason::StopTimeout;
            break;
        case State::Aborting:
            place.filling.reason = Reason::AbortTimeout;
            break;
        case State::Empty:
        case State::Serving:
        case State::Killing:
        case State::Stuck:
        case State::Backoff:
        case State::Failed:
            break;
    }
    deliver(place, Event::Timeout);
}

// A worker that waits for the balancer is not to blame: it gets its time again. A living balancer that owes the
// channels is.
void Pool::balancer_owes_link(Place& place) {
    place.deadline = now_ + settings_.start;
    if (place.filling.link == Link::Preparing) {
        kill(balancer_, Reason::Unresponsive);
    }
}

// A serving worker is not linked with the balancer after `start`: whoever owes the answer is replaced.
void Pool::link_overdue(Place& place) {
    place.filling.link_deadline.reset();
    kill(place.filling.link == Link::Attaching ? place : balancer_, Reason::Unresponsive);
}

}  // namespace fettle::supervisor::core
