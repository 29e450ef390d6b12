/* The claim, the revocation and the doorbells of a channel, as ipc/ and balancer/proxy implement them, under kill -9.
 *
 * Two workers with one slot each, one balancer thread, REQUESTS requests. A slot may hold two requests (one of them
 * prefetched), so that one can be revoked and run elsewhere. Every load and every store of a shared word is a step of
 * its own. Stores wait in a buffer per process, first in first out, and reach memory at any later time (x86-TSO; a
 * process that dies loses none: its CPU's buffer drains). A fence waits until the buffer is empty.
 *
 * At any step at most KILLS times a process dies, be it a worker or the balancer. A dead worker is buried (balancer/
 * proxy/harvest.cpp: harvest, then judge by the state words) and replaced with new channels. A dead balancer cuts its
 * clients off; the next one has new channels, which a worker attaches after what it runs.
 *
 * Checked:
 *   no request is run twice                                          assert in RUN
 *   a request is given up only if a dead worker had claimed it       assert in GIVE_UP
 *   a revoked request does not answer, nothing is dropped unasked    asserts in HARVEST
 *   everybody gets an end: nothing sleeps for ever                   invalid end states
 *   no schedule goes on for ever                                     non-progress cycles (there is no progress label)
 * The last two together are liveness without any assumption of fairness.
 *
 * Mistakes that must be found, each by -D: BUG_LATE_CLAIM, BUG_NO_CLAIM_FENCE, BUG_NO_CANCEL_FENCE, BUG_NO_RECHECK (of
 * the worker's sleep), BUG_NO_BALANCER_RECHECK, BUG_NO_SLEEP_FENCE, BUG_NO_RING_FENCE, BUG_JUDGE_BEFORE_HARVEST.
 *
 * Not in the model: rooms and credits (they only delay), several balancer threads (channels are per thread), more than
 * one descriptor per response, the parts of a body.
 */
#ifndef REQUESTS /* 2 or 3 */
#define REQUESTS 3
#endif
#ifndef KILLS
#define KILLS 2
#endif
#ifndef REVOKES
#define REVOKES 1 /* by patience: taken back in favour of another slot */
#endif
#ifndef LEAVES
#define LEAVES 1 /* clients that go away */
#endif

#define WORKERS 2
#define BALANCER 2                          /* number of its store buffer */
#define GENERATIONS (KILLS + 1)             /* of balancers */
#define CHANNELS (GENERATIONS * WORKERS)
#define INDEXES 2                           /* requests in flight in a channel */
#define SEQUENCES 4                         /* two users of an index in a row differ */

/* State of a request; a state word is {sequence, state}. */
#define QUEUED 0
#define CLAIMED 1
#define RESPONDING 2
#define DONE 3
#define DROPPED 4
#define WORD(sequence, state) ((sequence) * 8 + (state))

/* A request is open until its client has an answer, a 502 because its worker died with it, no connection any more (the
 * balancer died), or has left. */
#define OPEN 0
#define ENDED 1

/* ---- shared memory, one set per channel */

typedef Channel {
    /* written by the balancer */
    byte published;
    byte request[INDEXES];      /* payload: visible with `published` */
    byte cancel[INDEXES];       /* sequence + 1; 0: no */
    bit balancer_asleep;
    bit worker_rung;            /* private, for its present sleep: see "sleep numbers" */
    /* written by the worker */
    bit attached;
    byte state[INDEXES];
    byte answered;              /* responses published */
    bit dropped[INDEXES];       /* payload of a response */
    bit worker_asleep;
    bit balancer_rung;          /* likewise */
    /* eventfds */
    bit worker_bell;
    bit balancer_bell
}

Channel channels[CHANNELS];

/* Sleep numbers: in ipc/ a flag that says asleep carries the number of the sleep, and who has rung for that number does
 * not ring again. Here the number is gone: `rung` is cleared in the step in which a new sleep becomes visible. */

/* ---- memory order
 *
 * `stores` are the buffers: {what, channel, index, value}. A store that its process follows with a fence, or with
 * further stores and then a fence, before it looks at anything or acts outside of the channel, is written as one step:
 * nobody can tell when it left the buffer. What is buffered is what a process does not wait for: that it is awake, that
 * it has attached, and, in the variants with a fence missing, what that fence was for.
 */

#define PUBLISHED 0
#define CANCEL 1
#define BALANCER_ASLEEP 2
#define ATTACHED 3
#define STATE 4
#define RESPONSES 5
#define WORKER_ASLEEP 6

chan stores[3] = [4] of { byte, byte, byte, byte };

#define FENCED(owner) empty(stores[owner])

inline write(what, place, at, value) {
    if
    :: what == PUBLISHED -> channels[place].published = value
    :: what == CANCEL -> channels[place].cancel[at] = value
    :: what == BALANCER_ASLEEP ->
        channels[place].balancer_asleep = value;
        channels[place].balancer_rung = channels[place].balancer_rung && !value
    :: what == ATTACHED -> channels[place].attached = value
    :: what == STATE -> channels[place].state[at] = value
    :: what == RESPONSES -> channels[place].answered = value
    :: what == WORKER_ASLEEP ->
        channels[place].worker_asleep = value;
        channels[place].worker_rung = channels[place].worker_rung && !value
    fi
}

inline leave_buffer(owner) {
    stores[owner] ? what_, place_, at_, value_;
    write(what_, place_, at_, value_);
    what_ = 0; place_ = 0; at_ = 0; value_ = 0
}

/* A store nobody waits for: it is awake, it has attached. */
inline LAZY_STORE(owner, what, place, at, value) {
#ifdef ALL_BUFFERED
    stores[owner] ! what, place, at, value
#else
    d_step { FENCED(owner) -> write(what, place, at, value) }
#endif
}

active proctype memory() {
    byte what_, place_, at_, value_;
end_of_stores:
    do
    :: d_step { nempty(stores[0]) -> leave_buffer(0) }
    :: d_step { nempty(stores[1]) -> leave_buffer(1) }
    :: d_step { nempty(stores[BALANCER]) -> leave_buffer(BALANCER) }
    od
}

inline drain(owner) {
    do
    :: nempty(stores[owner]) -> leave_buffer(owner)
    :: empty(stores[owner]) -> break
    od
}

/* ---- life and death */

bit worker_killed[WORKERS];     /* SIGKILL is on its way */
bit worker_dead[WORKERS];       /* its pidfd says so */
bit balancer_killed;
byte offered[WORKERS];          /* generation of the newest channels the service thread was given, + 1 */
byte generation;                /* of the balancer */
byte revokes;
byte leaves;
bit all_over;

/* ---- what the properties speak of */

bit ran[REQUESTS];
bit claimed[REQUESTS];
bit outcome[REQUESTS];

inline RUN(number) {
    d_step {
        assert(!ran[number]);
        ran[number] = 1
    }
}

/* ---- the worker: worker/native/lane/exchange.cpp, ipc/worker_channel.cpp */

#define AT_INDEX (consumed % INDEXES)

#define BEHIND ((consumed + 1) % INDEXES) /* of the request before */

proctype worker(byte me) {
    byte here;                  /* the attached channel */
    byte attached_to;
    byte consumed;              /* requests, and as each has one response: responses; modulo SEQUENCES */
    byte number;                /* request */
    byte what_, place_, at_, value_;
life:
end_without_channels:
    offered[me] != 0;
    {
        skip;
attach:
        atomic {
            attached_to = offered[me];
            here = (attached_to - 1) * WORKERS + me;
            consumed = 0;
            LAZY_STORE(me, ATTACHED, here, 0, 1)
        }
serve:
        do
        :: offered[me] != attached_to -> goto attach
        :: atomic {
            offered[me] == attached_to && channels[here].published != consumed ->
            number = channels[here].request[AT_INDEX]
           };
#ifdef BUG_LATE_CLAIM
            RUN(number);
#endif
#ifdef BUG_NO_CLAIM_FENCE
            atomic { stores[me] ! STATE, here, AT_INDEX, WORD(consumed, CLAIMED); claimed[number] = (outcome[number] == OPEN) }
#else
            d_step { FENCED(me) -> channels[here].state[AT_INDEX] = WORD(consumed, CLAIMED); claimed[number] = (outcome[number] == OPEN) }
#endif
            if
            :: channels[here].cancel[AT_INDEX] == consumed + 1 ->
                d_step { FENCED(me) -> channels[here].state[AT_INDEX] = WORD(consumed, DROPPED) }
                d_step {
                    channels[here].dropped[AT_INDEX] = 1;
                    consumed = (consumed + 1) % SEQUENCES;
                    channels[here].answered = consumed
                }
            :: atomic {
                channels[here].cancel[AT_INDEX] != consumed + 1;
#ifndef BUG_LATE_CLAIM
                RUN(number)
#endif
               };
#ifdef BUG_NO_RING_FENCE
                atomic {
                    channels[here].state[AT_INDEX] = WORD(consumed, RESPONDING);
                    channels[here].dropped[AT_INDEX] = 0;
                    consumed = (consumed + 1) % SEQUENCES;
                    stores[me] ! RESPONSES, here, 0, consumed
                }
#else
                d_step {
                    FENCED(me) ->
                    channels[here].state[AT_INDEX] = WORD(consumed, RESPONDING);
                    channels[here].dropped[AT_INDEX] = 0;
                    consumed = (consumed + 1) % SEQUENCES;
                    channels[here].answered = consumed
                }
#endif
            fi;
            /* DONE, and WorkerLane::notify */
            d_step {
#ifndef BUG_NO_RING_FENCE
                FENCED(me);
#endif
                if
                :: channels[here].state[BEHIND] == WORD((consumed + SEQUENCES - 1) % SEQUENCES, RESPONDING) ->
                    channels[here].state[BEHIND] = WORD((consumed + SEQUENCES - 1) % SEQUENCES, DONE)
                :: else
                fi;
                if
                :: channels[here].balancer_asleep && !channels[here].balancer_rung ->
                    channels[here].balancer_rung = 1;
                    channels[here].balancer_bell = 1
                :: else
                fi;
                number = 0
            }
        :: offered[me] == attached_to && channels[here].published == consumed ->
            /* Exchange::wait_idle */
#ifdef BUG_NO_SLEEP_FENCE
            stores[me] ! WORKER_ASLEEP, here, 0, 1;
#else
            d_step { FENCED(me) -> write(WORKER_ASLEEP, here, 0, 1) }
#endif
            if
#ifndef BUG_NO_RECHECK
            :: channels[here].published != consumed -> LAZY_STORE(me, WORKER_ASLEEP, here, 0, 0); goto serve
            :: offered[me] == attached_to && channels[here].published == consumed
#else
            :: offered[me] == attached_to
#endif
            :: offered[me] != attached_to -> goto attach
            fi;
end_idle:
            atomic { channels[here].worker_bell == 1 -> LAZY_STORE(me, WORKER_ASLEEP, here, 0, 0) }
            channels[here].worker_bell = 0
        od
    } unless { worker_killed[me] };
    atomic {
        drain(me);
        worker_killed[me] = 0;
        worker_dead[me] = 1;
        offered[me] = 0;
        here = 0; attached_to = 0; consumed = 0; number = 0
    }
    goto life
}

/* ---- the balancer: ipc/balancer_channel.cpp, balancer/proxy/{lane,workers,harvest,control,thread}.cpp */

#define NOBODY 255
#define AT(lane_) ((generation * WORKERS) + (lane_))
#define ENTRY(lane_, sequence_) ((lane_) * INDEXES + (sequence_) % INDEXES)

/* In arrival order: the queue's front is the lowest number that waits. */
inline take_front() {
    number = 0;
    do
    :: waiting[number] == 0 -> number++
    :: else -> break
    od
}

inline finish(number_) {
    outcome[number_] = ENDED;
    claimed[number_] = 0
}

#define SOMETHING_WAITS (waiting[0] || waiting[1] || (REQUESTS > 2 && waiting[REQUESTS - 1]))
#define FREE(lane_) (serving[lane_] && in_flight[lane_] < INDEXES)

/* Workers::give, Lane::push_record, ChannelSet::ring_if_asleep */
inline dispatch(lane_) {
    atomic {
#ifndef BUG_NO_RING_FENCE
        FENCED(BALANCER);
#endif
        take_front();
        waiting[number] = 0;
        who[ENTRY(lane_, pushed[lane_])] = number;
        recalled[ENTRY(lane_, pushed[lane_])] = 0;
        channels[AT(lane_)].request[pushed[lane_] % INDEXES] = number;
        channels[AT(lane_)].cancel[pushed[lane_] % INDEXES] = 0;
        number = 0;
        pushed[lane_] = (pushed[lane_] + 1) % SEQUENCES;
        in_flight[lane_]++;
#ifdef BUG_NO_RING_FENCE
        stores[BALANCER] ! PUBLISHED, AT(lane_), 0, pushed[lane_]
#else
        channels[AT(lane_)].published = pushed[lane_]
#endif
    }
    d_step {
        if
        :: channels[AT(lane_)].worker_asleep && !channels[AT(lane_)].worker_rung ->
            channels[AT(lane_)].worker_rung = 1;
            channels[AT(lane_)].worker_bell = 1
        :: else
        fi
    }
}

/* Workers::harvest and what it leads to, of everything that is published now */
inline HARVEST(lane_) {
    atomic {
        do
        :: in_flight[lane_] > 0 && channels[AT(lane_)].answered != harvested[lane_] ->
            entry = ENTRY(lane_, harvested[lane_]);
            number = who[entry];
            if
            :: channels[AT(lane_)].dropped[harvested[lane_] % INDEXES] && number != NOBODY ->
                assert(recalled[entry]);
                waiting[number] = (outcome[number] == OPEN)
            :: !channels[AT(lane_)].dropped[harvested[lane_] % INDEXES] ->
                assert(number != NOBODY);
                finish(number)
            :: else
            fi;
            who[entry] = NOBODY;
            recalled[entry] = 0;
            /* nobody reads these again */
            channels[AT(lane_)].request[harvested[lane_] % INDEXES] = 0;
            channels[AT(lane_)].dropped[harvested[lane_] % INDEXES] = 0;
            channels[AT(lane_)].cancel[harvested[lane_] % INDEXES] = 0;
            harvested[lane_] = (harvested[lane_] + 1) % SEQUENCES;
            in_flight[lane_]--;
            entry = 0; number = 0
        :: else -> break
        od
    }
}

inline GIVE_UP(number_) {
    assert(claimed[number_] && seen % 8 != DONE);
    finish(number_)
}

/* Workers::bury: one request of the dead worker */
inline judge(lane_, index_) {
    number = who[lane_ * INDEXES + index_];
    if
    :: number != NOBODY ->
        seen = channels[AT(lane_)].state[index_];
        /* which of the two users of the index: the one pushed last */
        entry = (pushed[lane_] % INDEXES == index_ -> (pushed[lane_] + SEQUENCES - INDEXES) % SEQUENCES
                                                    : (pushed[lane_] + SEQUENCES - 1) % SEQUENCES);
        if
        :: outcome[number] != OPEN
        :: outcome[number] == OPEN &&
           (seen / 8 != entry || seen % 8 == QUEUED || (seen % 8 == DROPPED && recalled[lane_ * INDEXES + index_])) ->
            waiting[number] = 1
        :: else -> GIVE_UP(number)
        fi;
        who[lane_ * INDEXES + index_] = NOBODY;
        recalled[lane_ * INDEXES + index_] = 0
    :: else
    fi;
    number = 0; seen = 0; entry = 0
}

/* ... and then the supervisor starts another one, with channels of its own */
inline bury(lane_) {
    FENCED(BALANCER);
#ifndef BUG_JUDGE_BEFORE_HARVEST
    HARVEST(lane_);
#endif
    atomic {
        judge(lane_, 0);
        judge(lane_, 1);
        in_flight[lane_] = 0; pushed[lane_] = 0; harvested[lane_] = 0; serving[lane_] = 0;
        channels[AT(lane_)].published = 0;
        channels[AT(lane_)].request[0] = 0; channels[AT(lane_)].request[1] = 0;
        channels[AT(lane_)].cancel[0] = 0; channels[AT(lane_)].cancel[1] = 0;
        channels[AT(lane_)].balancer_asleep = 0; channels[AT(lane_)].attached = 0;
        channels[AT(lane_)].state[0] = 0; channels[AT(lane_)].state[1] = 0;
        channels[AT(lane_)].answered = 0;
        channels[AT(lane_)].dropped[0] = 0; channels[AT(lane_)].dropped[1] = 0;
        channels[AT(lane_)].worker_asleep = 0; channels[AT(lane_)].worker_bell = 0;
        channels[AT(lane_)].worker_rung = 0; channels[AT(lane_)].balancer_rung = 0;
        channels[AT(lane_)].balancer_bell = 0;
        worker_dead[lane_] = 0;
        offered[lane_] = generation + 1
    }
}

/* BalancerChannel::cancel and what Lane makes of it. `leaving`: the client went away */
inline recall(entry_, leaving) {
    /* the sequence of what was pushed last at this index */
    d_step {
        lane = entry_ / INDEXES;
        index = entry_ % INDEXES;
        sequence = (pushed[lane] % INDEXES == index -> (pushed[lane] + SEQUENCES - INDEXES) % SEQUENCES
                                                     : (pushed[lane] + SEQUENCES - 1) % SEQUENCES)
    }
#ifdef BUG_NO_CANCEL_FENCE
    stores[BALANCER] ! CANCEL, AT(lane), index, sequence + 1;
#else
    d_step { FENCED(BALANCER) -> channels[AT(lane)].cancel[index] = sequence + 1 }
#endif
    d_step {
        number = who[entry_];
        seen = channels[AT(lane)].state[index];
        if
        :: leaving -> finish(number)
        :: else
        fi;
        if
        :: seen / 8 != sequence || seen % 8 == QUEUED || seen % 8 == DROPPED ->
            who[entry_] = NOBODY;
            waiting[number] = (outcome[number] == OPEN)
        :: else -> recalled[entry_] = 1
        fi;
        number = 0; seen = 0; lane = 0; index = 0; sequence = 0
    }
}

inline sleep_announce(lane_) {
    if
    :: in_flight[lane_] > 0 ->
#ifdef BUG_NO_SLEEP_FENCE
        stores[BALANCER] ! BALANCER_ASLEEP, AT(lane_), 0, 1
#else
        d_step { FENCED(BALANCER) -> write(BALANCER_ASLEEP, AT(lane_), 0, 1) }
#endif
    :: else
    fi
}

inline wake_up(lane_) {
    if
    :: in_flight[lane_] > 0 ->
        channels[AT(lane_)].balancer_bell = 0;
        LAZY_STORE(BALANCER, BALANCER_ASLEEP, AT(lane_), 0, 0)
    :: else
    fi
}

#define NEWS(lane_) (in_flight[lane_] > 0 && channels[AT(lane_)].answered != harvested[lane_])
#define RINGS(lane_) (in_flight[lane_] > 0 && channels[AT(lane_)].balancer_bell)
#define JOINS(lane_) (!serving[lane_] && !worker_dead[lane_] && offered[lane_] == generation + 1 && channels[AT(lane_)].attached)
/* What may be revoked, or left by its client */
#define REVOCABLE(entry_) (who[entry_] != NOBODY && !recalled[entry_] && outcome[who[entry_]] == OPEN)
#define ANY_REVOCABLE (REVOCABLE(0) || REVOCABLE(1) || REVOCABLE(2) || REVOCABLE(3))
#define EVENT (accepted < REQUESTS || worker_dead[0] || worker_dead[1] || JOINS(0) || JOINS(1) || \
               (revokes > 0 && ANY_REVOCABLE) || (leaves > 0 && ANY_REVOCABLE))

proctype balancer() {
    byte who[WORKERS * INDEXES];    /* request, NOBODY: taken back or none */
    bit recalled[WORKERS * INDEXES];
    bit waiting[REQUESTS];
    byte in_flight[WORKERS];
    byte pushed[WORKERS];
    byte harvested[WORKERS];
    bit serving[WORKERS];
    bit must_act;                   /* it woke up for an event */
    byte number, seen, entry, lane, index, sequence;
    byte what_, place_, at_, value_;
    byte accepted = REQUESTS - 1;   /* connections taken out of the listening socket, which outlives balancers */
    waiting[0] = 1;
    waiting[1] = (REQUESTS > 2);
start:
    atomic {
        who[0] = NOBODY; who[1] = NOBODY; who[2] = NOBODY; who[3] = NOBODY;
        /* each living worker is given the new channels, and its slot is woken; a dead one is replaced later */
        lane = 0;
        do
        :: lane < WORKERS ->
            if
            :: !worker_killed[lane] && !worker_dead[lane] ->
                if
                :: offered[lane] != 0 -> channels[(offered[lane] - 1) * WORKERS + lane].worker_bell = 1
                :: else
                fi;
                offered[lane] = generation + 1
            :: else
            fi;
            lane++
        :: else -> break
        od;
        lane = 0
    }
    {
turn:
        do
        :: SOMETHING_WAITS && FREE(0) -> dispatch(0)
        :: SOMETHING_WAITS && FREE(1) -> dispatch(1)
        :: !(SOMETHING_WAITS && (FREE(0) || FREE(1))) -> break
        od;
        if
        :: accepted < REQUESTS -> atomic { waiting[accepted] = 1; accepted++; must_act = 0 }; goto turn
        :: worker_dead[0] -> bury(0); must_act = 0; goto turn
        :: worker_dead[1] -> bury(1); must_act = 0; goto turn
        :: atomic { JOINS(0) -> serving[0] = 1; must_act = 0 }; goto turn
        :: atomic { JOINS(1) -> serving[1] = 1; must_act = 0 }; goto turn
        :: revokes > 0 && REVOCABLE(0) -> revokes--; recall(0, false); must_act = 0; goto turn
        :: revokes > 0 && REVOCABLE(1) -> revokes--; recall(1, false); must_act = 0; goto turn
        :: revokes > 0 && REVOCABLE(2) -> revokes--; recall(2, false); must_act = 0; goto turn
        :: revokes > 0 && REVOCABLE(3) -> revokes--; recall(3, false); must_act = 0; goto turn
        :: leaves > 0 && REVOCABLE(0) -> leaves--; recall(0, true); must_act = 0; goto turn
        :: leaves > 0 && REVOCABLE(1) -> leaves--; recall(1, true); must_act = 0; goto turn
        :: leaves > 0 && REVOCABLE(2) -> leaves--; recall(2, true); must_act = 0; goto turn
        :: leaves > 0 && REVOCABLE(3) -> leaves--; recall(3, true); must_act = 0; goto turn
        :: !must_act || !EVENT -> must_act = 0
        fi;
        /* BalancerThread::before_sleep, Workers::prepare_sleep */
        sleep_announce(0);
        sleep_announce(1);
        if
#ifndef BUG_NO_BALANCER_RECHECK
        :: NEWS(0) || NEWS(1)
        :: !NEWS(0) && !NEWS(1) ->
#else
        :: true ->
#endif
            if
            :: RINGS(0) || RINGS(1)
            :: EVENT -> must_act = 1
            :: outcome[0] != OPEN && outcome[1] != OPEN && outcome[REQUESTS - 1] != OPEN -> all_over = 1; goto over
            fi
        fi;
        /* after_sleep, Workers::harvest */
        atomic { wake_up(0); wake_up(1) }
        HARVEST(0);
        HARVEST(1);
        goto turn
    } unless { balancer_killed };
    atomic {
        drain(BALANCER);
        balancer_killed = 0;
        /* its clients' connections end with it */
        lane = 0;
        do
        :: lane < accepted -> finish(lane); waiting[lane] = 0; lane++
        :: else -> break
        od;
        lane = 0;
        do
        :: lane < WORKERS ->
            in_flight[lane] = 0; pushed[lane] = 0; harvested[lane] = 0; serving[lane] = 0;
            recalled[lane * INDEXES] = 0; recalled[lane * INDEXES + 1] = 0;
            lane++
        :: else -> break
        od;
        must_act = 0; number = 0; seen = 0; entry = 0; lane = 0; index = 0; sequence = 0;
        generation++
    }
    goto start;
over:
    skip
}

/* ---- the world: kill -9. Every execution draws its number of kills, revocations and departing clients first, so that
 * what comes to rest has nothing left that could wake it. Worker 1 is not killed before anybody else: they are alike. */

active proctype world() {
    byte kills;
    select(kills : 0 .. KILLS);
    select(revokes : 0 .. REVOKES);
    select(leaves : 0 .. LEAVES);
    atomic {
        run worker(0);
#ifdef ONE_WORKER
        worker_killed[1] = 1;  /* for ever */
#else
        run worker(1);
#endif
        run balancer()
    }
end_of_violence:
    do
    :: kills > 0 && !all_over && !worker_killed[0] && !worker_dead[0] && offered[0] -> worker_killed[0] = 1; kills--
    :: KILLS > 1 && kills > 0 && !all_over && !worker_killed[1] && !worker_dead[1] && offered[1] -> worker_killed[1] = 1; kills--
    :: kills > 0 && !all_over && !balancer_killed -> balancer_killed = 1; kills--
    od
}
