#include "channel_fixture.h"
#include "tests/support/random.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <thread>

using namespace fettle::ipc;
using fettle::test::BothEnds;
using fettle::test::publish_text;
using fettle::test::push_text;
using fettle::test::text_of;

namespace {

bool readable(int fd) {
    pollfd entry{.fd = fd, .events = POLLIN, .revents = 0};
    return ::poll(&entry, 1, 0) == 1;
}

}  // namespace

TEST_CASE("channel: a request arrives as it was pushed and its answer comes back", "[ipc]") {
    BothEnds sut;

    const RequestKey key = push_text(sut.front(), "GET /", 99);
    const auto request = sut.back().peek();
    REQUIRE(request.has_value());
    CHECK(request->key == key);
    CHECK(request->last);
    CHECK(request->arrived_ns == 99);
    CHECK(text_of(request->payload) == "GET /");
    sut.back().pop();
    REQUIRE(sut.back().claim(key));
    publish_text(sut.back(), key, ResponseKind::Head, "200 OK", true);

    ResponseMessage answer;
    REQUIRE(sut.front().peek(answer) == BalancerChannel::Peek::Message);
    CHECK(answer.key == key);
    CHECK(answer.kind == ResponseKind::Head);
    CHECK(answer.last);
    CHECK(answer.app_ns == 5);
    CHECK(text_of(answer.payload) == "200 OK");
    sut.front().pop();
    CHECK(sut.front().in_flight() == 0);
    CHECK(sut.front().peek(answer) == BalancerChannel::Peek::Empty);
}

TEST_CASE("channel: the state word tells after death how far a request came", "[ipc]") {
    BothEnds sut;
    const RequestKey key = push_text(sut.front(), "x");

    CHECK(sut.front().state(key) == RequestState::Queued);
    REQUIRE(sut.back().claim(key));
    CHECK(sut.front().state(key) == RequestState::Claimed);
    publish_text(sut.back(), key, ResponseKind::Head, "head", false);
    CHECK(sut.front().state(key) == RequestState::Responding);
    publish_text(sut.back(), key, ResponseKind::End, "", true);
    CHECK(sut.front().state(key) == RequestState::Done);
}

TEST_CASE("channel: an index that is used again does not show the state of its earlier user", "[ipc]") {
    BothEnds sut;
    const RequestKey first = push_text(sut.front(), "a");
    sut.back().pop();
    REQUIRE(sut.back().claim(first));
    publish_text(sut.back(), first, ResponseKind::Head, "h", true);
    ResponseMessage answer;
    REQUIRE(sut.front().peek(answer) == BalancerChannel::Peek::Message);
    sut.front().pop();

    const RequestKey second = push_text(sut.front(), "b");

    REQUIRE(second.index == first.index);
    CHECK(second.sequence != first.sequence);
    CHECK(sut.front().state(second) == RequestState::Queued);
    CHECK_FALSE(sut.front().known(first));
}

TEST_CASE("channel: a request revoked before its claim is dropped and never reaches the application", "[ipc]") {
    BothEnds sut;
    const RequestKey key = push_text(sut.front(), "x");

    CHECK(sut.front().cancel(key) == BalancerChannel::Cancel::Revoked);
    sut.back().pop();
    CHECK_FALSE(sut.back().claim(key));

    ResponseMessage answer;
    REQUIRE(sut.front().peek(answer) == BalancerChannel::Peek::Message);
    CHECK(answer.kind == ResponseKind::Dropped);
    CHECK(answer.last);
}

TEST_CASE("channel: a claimed request cannot be revoked, and the worker sees only that its client has left", "[ipc]") {
    BothEnds sut;
    const RequestKey key = push_text(sut.front(), "x");
    REQUIRE(sut.back().claim(key));
    CHECK_FALSE(sut.back().cancelled(key));

    CHECK(sut.front().cancel(key) == BalancerChannel::Cancel::TooLate);
    CHECK_FALSE(sut.back().cancelled(key));
    CHECK(sut.front().cancel_for_good(key) == BalancerChannel::Cancel::TooLate);
    CHECK(sut.back().cancelled(key));
}

TEST_CASE("channel: a recall after the client has left does not hide from the worker that it has", "[ipc]") {
    BothEnds sut;
    const RequestKey key = push_text(sut.front(), "x");
    REQUIRE(sut.back().claim(key));
    REQUIRE(sut.front().cancel_for_good(key) == BalancerChannel::Cancel::TooLate);

    CHECK(sut.front().cancel(key) == BalancerChannel::Cancel::TooLate);

    CHECK(sut.back().cancelled(key));
}

TEST_CASE("channel: against a running worker no request is both revoked and run, and none is lost", "[ipc][stress]") {
    BothEnds sut;
    constexpr std::uint64_t kRounds = 200'000;
    std::atomic<std::uint64_t> ran{0};
    std::thread worker([&] {
        for (std::uint64_t handled = 0; handled < kRounds;) {
            const auto request = sut.back().peek();
            if (!request) {
                continue;
            }
            sut.back().pop();
            ++handled;
            if (sut.back().claim(request->key)) {
                ran.fetch_add(1, std::memory_order_relaxed);
                while (sut.back().writable() == 0) {
                }
                sut.back().publish(request->key, ResponseKind::Failed, 0, true, 0);
            }
        }
    });
    fettle::test::Random random(1);
    std::uint64_t revoked = 0;
    std::uint64_t dropped = 0;
    std::uint64_t answered = 0;
    std::vector<bool> is_revoked(kRounds + 1, false);
    std::uint64_t wrong = 0;
    for (std::uint64_t pushed = 0; pushed < kRounds || dropped + answered < kRounds;) {
        ResponseMessage answer;
        while (sut.front().peek(answer) == BalancerChannel::Peek::Message) {
            const bool was_dropped = answer.kind == ResponseKind::Dropped;
            (was_dropped ? dropped : answered) += 1;
            wrong += !was_dropped && is_revoked[answer.key.sequence] ? 1 : 0;
            sut.front().pop();
        }
        if (pushed < kRounds && sut.front().can_push_request(8)) {
            const auto space = sut.front().reserve(8);
            std::memset(space.data(), 0, 8);
            const RequestKey key = sut.front().push_request(8, true, 0);
            ++pushed;
            for (unsigned spin = random() % 200; spin > 0; --spin) {
                __asm__ volatile("");
            }
            if (sut.front().cancel(key) == BalancerChannel::Cancel::Revoked) {
                is_revoked[key.sequence] = true;
                ++revoked;
            }
        }
    }
    worker.join();

    CHECK(wrong == 0);
    CHECK(dropped >= revoked);
    CHECK(ran.load() == answered);
    CHECK(dropped + answered == kRounds);
}

TEST_CASE("channel: bodies larger than the arena pass through it piece by piece, in order", "[ipc]") {
    BothEnds sut;
    const RequestKey key = push_text(sut.front(), "POST");
    sut.back().pop();
    REQUIRE(sut.back().claim(key));

    fettle::test::Random random(7);
    std::string sent;
    std::string received;
    while (sent.size() < 3 * kRequestArenaBytes) {
        const std::uint32_t length = 1 + random() % 70'000;
        if (const auto space = sut.front().reserve(length); !space.empty()) {
            std::string piece(length, static_cast<char>('a' + random() % 26));
            std::memcpy(space.data(), piece.data(), length);
            sut.front().push_body(key, length, false);
            sent += piece;
        } else if (const auto message = sut.back().peek()) {
            REQUIRE(message->kind == RequestKind::Body);
            received += text_of(message->payload);
            sut.back().pop();
        }
    }
    while (const auto message = sut.back().peek()) {
        received += text_of(message->payload);
        sut.back().pop();
    }
    CHECK(received == sent);
}

TEST_CASE("channel: at most kMaxInFlight requests are in flight, and their bodies still get through", "[ipc]") {
    BothEnds sut;
    for (std::uint32_t number = 0; number < kMaxInFlight; ++number) {
        (void)push_text(sut.front(), "x");
    }
    CHECK_FALSE(sut.front().can_push_request(1));
    CHECK(sut.front().has_room(1));
}

TEST_CASE("channel: credit starts at the sized window and is raised by the balancer", "[ipc]") {
    BothEnds sut;
    const RequestKey key = push_text(sut.front(), "x");

    CHECK(sut.back().credit(key) == kSizedWindow);
    sut.front().set_credit(key, 5'000'000);
    CHECK(sut.back().credit(key) == 5'000'000);
}

TEST_CASE("channel: a lane is attached once its slot has said so", "[ipc]") {
    BothEnds sut;
    CHECK_FALSE(sut.balancer->lane_attached(1));

    sut.worker->lane(1).announce();

    CHECK(sut.balancer->lane_attached(1));
    CHECK_FALSE(sut.balancer->lane_attached(0));
}

TEST_CASE("doorbell: a lane that is awake is not rung, one that sleeps is rung once per sleep", "[ipc]") {
    BothEnds sut;
    WorkerLane& lane = sut.worker->lane(0);

    sut.balancer->ring_if_asleep(0);
    lane.about_to_sleep(LaneSleep::Idle);
    sut.balancer->ring_if_blocked(0);  // idle is not blocked
    CHECK_FALSE(sut.worker->lane(0).has_message());
    sut.balancer->ring_if_asleep(0);
    sut.balancer->ring_if_asleep(0);
    CHECK(lane.block());  // returns at once

    lane.about_to_sleep(LaneSleep::Blocked);
    sut.balancer->ring_if_blocked(0);
    CHECK(lane.block());
}

TEST_CASE("doorbell: the balancer's bell rings only while its flag says asleep, once per sleep", "[ipc]") {
    BothEnds sut;
    WorkerLane& lane = sut.worker->lane(1);
    const int bell = sut.balancer->thread_bell(0);

    lane.notify(0);
    CHECK_FALSE(readable(bell));
    sut.balancer->set_asleep(0, true);
    lane.notify(0);
    CHECK(readable(bell));
    sut.balancer->drain_thread_bell(0);
    lane.notify(0);
    CHECK_FALSE(readable(bell));
    sut.balancer->set_asleep(0, false);
    sut.balancer->set_asleep(0, true);
    lane.notify(0);
    CHECK(readable(bell));
}

TEST_CASE("doorbell: a lane that goes to sleep wakes a balancer thread that waits for room, and no other", "[ipc]") {
    BothEnds sut;
    WorkerLane& lane = sut.worker->lane(0);
    const int bell = sut.balancer->thread_bell(0);
    const auto sleep_and_wake = [&] {
        lane.about_to_sleep(LaneSleep::Idle);
        lane.wake();
        CHECK(lane.block());
    };

    sut.balancer->set_asleep(0, true);
    sleep_and_wake();
    CHECK_FALSE(readable(bell));
    sut.balancer->set_asleep(0, false);
    sut.balancer->set_asleep(0, true, true);
    sleep_and_wake();
    CHECK(readable(bell));
}

TEST_CASE("doorbell: a sleeper is never left asleep with work waiting", "[ipc][stress]") {
    BothEnds sut;
    constexpr int kRounds = 20'000;
    std::thread worker([&] {
        WorkerLane& lane = sut.worker->lane(0);
        for (int handled = 0; handled < kRounds;) {
            if (const auto request = sut.back().peek()) {
                const RequestKey key = request->key;
                sut.back().pop();
                if (sut.back().claim(key)) {
                    while (sut.back().writable() == 0) {
                    }
                    sut.back().publish(key, ResponseKind::Failed, 0, true, 0);
                    lane.notify(0);
                }
                ++handled;
                continue;
            }
            lane.about_to_sleep(LaneSleep::Idle);
            if (lane.has_message()) {
                lane.awake();
            } else {
                (void)lane.block();
            }
        }
    });
    bool lost = false;
    for (int round = 0; round < kRounds && !lost; ++round) {
        (void)push_text(sut.front(), "x");
        sut.balancer->ring_if_asleep(0);
        ResponseMessage answer;
        while (sut.front().peek(answer) == BalancerChannel::Peek::Empty) {
            sut.balancer->set_asleep(0, true);
            if (sut.front().peek(answer) == BalancerChannel::Peek::Empty) {
                pollfd entry{.fd = sut.balancer->thread_bell(0), .events = POLLIN, .revents = 0};
                lost = ::poll(&entry, 1, 10'000) == 0;
                sut.balancer->drain_thread_bell(0);
            }
            sut.balancer->set_asleep(0, false);
            if (lost) {
                break;
            }
        }
        sut.front().pop();
    }
    REQUIRE_FALSE(lost);
    worker.join();
}

// What a hostile worker may write: the response file is mapped once more, writable, and spoiled by hand.
namespace {

struct Hostile : BothEnds {
    fettle::ipc::Segment memory;

    Hostile() : BothEnds({.threads = 1, .lanes = 1}) {
        auto fds = balancer->duplicate_fds();
        REQUIRE(fds.has_value());
        auto mapped = Segment::map(fds->response_file.get(), response_file_bytes({1, 1}), Access::ReadWrite);
        REQUIRE(mapped.has_value());
        memory = std::move(*mapped);
    }

    ResponseChannel& channel() {
        return *reinterpret_cast<ResponseChannel*>(memory.data() + response_channels_offset({1, 1}));
    }
};

}  // namespace

TEST_CASE("hostile worker: nonsense in cursors or descriptors is reported, never followed", "[ipc]") {
    Hostile sut;
    const RequestKey key = push_text(sut.front(), "x");
    ResponseDescriptor& descriptor = sut.channel().ring[0];
    descriptor = {.sequence = key.sequence,
                  .index = static_cast<std::uint16_t>(key.index),
                  .kind = 1,
                  .flags = 1,
                  .offset = 0,
                  .length = 0,
                  .app_ns = 0,
                  .reserved = 0};
    std::uint64_t published = 1;

    SECTION("a cursor far ahead") {
        published = kRingEntries + 1;
    }
    SECTION("a cursor that went back") {
        published = ~std::uint64_t{0};
    }
    SECTION("a payload that starts behind the arena") {
        descriptor.offset = kResponseArenaBytes + 1;
    }
    SECTION("a payload that ends behind the arena") {
        descriptor.offset = kResponseArenaBytes - 10;
        descriptor.length = 11;
    }
    SECTION("a length that overflows") {
        descriptor.offset = 64;
        descriptor.length = 0xffffffffU;
    }
    SECTION("an index that does not exist") {
        descriptor.index = kRingEntries;
    }
    SECTION("a request nobody sent") {
        descriptor.sequence = key.sequence + 1;
    }
    SECTION("sequence 0") {
        descriptor.sequence = 0;
    }
    SECTION("an unknown kind") {
        descriptor.kind = 0;
    }
    SECTION("another unknown kind") {
        descriptor.kind = 99;
    }
    SECTION("an end that is not the last") {
        descriptor.kind = static_cast<std::uint8_t>(ResponseKind::End);
        descriptor.flags = 0;
    }
    SECTION("more requests released than were sent") {
        sut.channel().consumed.store(2);
    }

    sut.channel().published.store(published);
    (void)sut.front().can_push_request(1);
    ResponseMessage answer;
    CHECK(sut.front().peek(answer) == BalancerChannel::Peek::Violation);
    CHECK(sut.front().peek(answer) == BalancerChannel::Peek::Violation);  // and it stays so
    CHECK_FALSE(sut.front().can_push_request(1));
}

TEST_CASE("hostile worker: an answer replayed after its request ended is a violation", "[ipc]") {
    Hostile sut;
    const RequestKey key = push_text(sut.front(), "x");
    REQUIRE(sut.back().claim(key));
    publish_text(sut.back(), key, ResponseKind::Head, "h", true);
    ResponseMessage answer;
    REQUIRE(sut.front().peek(answer) == BalancerChannel::Peek::Message);
    sut.front().pop();

    sut.channel().ring[1] = sut.channel().ring[0];
    sut.channel().published.store(2);

    CHECK(sut.front().peek(answer) == BalancerChannel::Peek::Violation);
}

TEST_CASE("bells: a worker that makes its bells block, fills or empties them does not hold up the balancer", "[ipc]") {
    BothEnds sut;
    auto fds = sut.balancer->duplicate_fds();
    REQUIRE(fds.has_value());
    const auto make_blocking = [](int fd) { REQUIRE(::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) & ~O_NONBLOCK) == 0); };
    const auto deadline = [] { ::alarm(10); };  // a call that blocks would never return

    // A lane's bell: whatever the worker can do to its end, ringing returns, also when the bell is full.
    deadline();
    const std::uint64_t full = ~std::uint64_t{1};
    [[maybe_unused]] const ssize_t filled = ::write(fds->lane_bells[0].get(), &full, sizeof(full));
    make_blocking(fds->lane_bells[0].get());
    for (int count = 0; count < 100'000; ++count) {
        sut.balancer->ring(0);
    }
    CHECK(readable(fds->lane_bells[0].get()));

    // A thread's bell: emptied behind the balancer's back.
    make_blocking(fds->thread_bells[0].get());
    sut.balancer->drain_thread_bell(0);
    const std::uint64_t one = 1;
    REQUIRE(::write(fds->thread_bells[0].get(), &one, sizeof(one)) == sizeof(one));
    CHECK(readable(sut.balancer->thread_bell(0)));
    sut.balancer->drain_thread_bell(0);
    CHECK_FALSE(readable(sut.balancer->thread_bell(0)));
    ::alarm(0);
}

TEST_CASE("seals: a worker can neither write the request side nor resize either file", "[ipc]") {
    BothEnds sut;
    auto fds = sut.balancer->duplicate_fds();
    REQUIRE(fds.has_value());

    CHECK(::mmap(nullptr, kPage, PROT_READ | PROT_WRITE, MAP_SHARED, fds->request_file.get(), 0) == MAP_FAILED);
    CHECK(::ftruncate(fds->request_file.get(), 0) == -1);
    CHECK(::ftruncate(fds->response_file.get(), 0) == -1);
    CHECK(::pwrite(fds->request_file.get(), "x", 1, 0) == -1);
}

TEST_CASE("attach: files of another worker, geometry or balancer are refused", "[ipc]") {
    BothEnds sut;
    ChannelSet::Identity identity{.seat = 3, .worker_incarnation = 7, .balancer_incarnation = 2};
    Geometry geometry{.threads = 1, .lanes = 2};
    SECTION("seat") {
        identity.seat = 4;
    }
    SECTION("worker incarnation") {
        identity.worker_incarnation = 8;
    }
    SECTION("balancer incarnation") {
        identity.balancer_incarnation = 1;
    }
    SECTION("geometry") {
        geometry.lanes = 1;
    }
    auto fds = sut.balancer->duplicate_fds();
    REQUIRE(fds.has_value());

    CHECK_FALSE(WorkerChannelSet::map(std::move(*fds), identity, geometry).has_value());
}
