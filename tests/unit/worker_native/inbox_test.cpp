#include "lane_fixture.h"

using fettle::ipc::RequestKind;
using fettle::test::LaneFixture;
using fettle::test::text_of;

TEST_CASE("exchange: requests are taken in the order they came", "[worker]") {
    LaneFixture sut;
    const auto first = LaneFixture::push(sut.front(), "first", true);
    const auto second = LaneFixture::push(sut.front(), "second", true);

    REQUIRE(sut.exchange.take());
    CHECK(sut.exchange.request().key == first);
    CHECK(text_of(sut.exchange.request().payload) == "first");
    sut.exchange.end();
    REQUIRE(sut.exchange.take());
    CHECK(sut.exchange.request().key == second);
    sut.exchange.end();
    CHECK_FALSE(sut.exchange.take());
}

TEST_CASE("exchange: a request that was revoked is not taken, and the balancer hears of it", "[worker]") {
    LaneFixture sut;
    const auto revoked = LaneFixture::push(sut.front(), "revoked", true);
    const auto wanted = LaneFixture::push(sut.front(), "wanted", true);
    REQUIRE(sut.front().cancel(revoked) == fettle::ipc::BalancerChannel::Cancel::Revoked);

    REQUIRE(sut.exchange.take());

    CHECK(sut.exchange.request().key == wanted);
    const auto dropped = sut.receive();
    REQUIRE(dropped.has_value());
    CHECK(dropped->message.kind == fettle::ipc::ResponseKind::Dropped);
    CHECK(dropped->message.key == revoked);
}

TEST_CASE("exchange: every balancer thread gets its turn", "[worker]") {
    fettle::test::BothEnds ends({.threads = 2, .lanes = 1});
    auto attachment = std::make_shared<fettle::worker::Attachment>(std::move(ends.worker));
    fettle::worker::Exchange sut;
    sut.attach(attachment, 0);
    for (std::uint32_t thread = 0; thread < 2; ++thread) {
        for (int count = 0; count < 2; ++count) {
            (void)LaneFixture::push(ends.balancer->channel(thread, 0), thread == 0 ? "a" : "b", true);
        }
    }

    std::string order;
    while (sut.take()) {
        order += text_of(sut.request().payload);
        sut.end();
    }

    CHECK(order == "abab");
}

TEST_CASE("inbox: a request that was prefetched behind a streaming one does not hide its body", "[worker]") {
    LaneFixture sut;
    sut.run_request(false);
    const auto prefetched = LaneFixture::push(sut.front(), "prefetched", true);
    sut.push_body(sut.key, "body", true);

    const auto piece = sut.exchange.inbox().next_piece(sut.key);

    REQUIRE(piece.has_value());
    CHECK(piece->kind == RequestKind::Body);
    CHECK(text_of(piece->payload) == "body");
    CHECK(sut.front().state(prefetched) == fettle::ipc::RequestState::Queued);
    sut.exchange.end();
    REQUIRE(sut.exchange.take());
    CHECK(sut.exchange.request().key == prefetched);
    CHECK(text_of(sut.exchange.request().payload) == "prefetched");
}

TEST_CASE("inbox: a request that had to step aside can still be revoked", "[worker]") {
    LaneFixture sut;
    sut.run_request(false);
    const auto prefetched = LaneFixture::push(sut.front(), "prefetched", true);
    sut.push_body(sut.key, "body", true);
    REQUIRE(sut.exchange.inbox().next_piece(sut.key).has_value());

    CHECK(sut.front().cancel(prefetched) == fettle::ipc::BalancerChannel::Cancel::Revoked);
    sut.exchange.end();

    CHECK_FALSE(sut.exchange.take());
    CHECK(sut.receive()->message.kind == fettle::ipc::ResponseKind::Dropped);
}

TEST_CASE("inbox: the body of a request that stepped aside waits with it", "[worker]") {
    LaneFixture sut;
    sut.run_request(false);
    const auto other = LaneFixture::push(sut.front(), "other", false);
    sut.push_body(other, "of other", true);
    sut.push_body(sut.key, "mine", true);

    REQUIRE(text_of(sut.exchange.inbox().next_piece(sut.key)->payload) == "mine");
    sut.exchange.end();
    REQUIRE(sut.exchange.take());
    REQUIRE(sut.exchange.request().key == other);

    const auto piece = sut.exchange.inbox().next_piece(other);
    REQUIRE(piece.has_value());
    CHECK(text_of(piece->payload) == "of other");
}

TEST_CASE("inbox: what is left of an unread body is dropped with its request", "[worker]") {
    LaneFixture sut;
    sut.run_request(false);
    sut.push_body(sut.key, "never read", false);
    sut.exchange.end();
    sut.push_body(sut.key, "too late", true);
    const auto next = LaneFixture::push(sut.front(), "next", true);

    REQUIRE(sut.exchange.take());
    CHECK(sut.exchange.request().key == next);
}

TEST_CASE("inbox: the ring's space comes back as messages are released", "[worker]") {
    LaneFixture sut;
    const std::string large(fettle::ipc::kRequestArenaBytes / 2, 'x');
    for (int round = 0; round < 10; ++round) {
        const auto key = LaneFixture::push(sut.front(), large, false);
        REQUIRE(sut.exchange.take());
        sut.push_body(key, large.substr(1), true);
        CHECK_FALSE(sut.front().can_push_request(static_cast<std::uint32_t>(large.size())));
        REQUIRE(sut.exchange.inbox().next_piece(key).has_value());
        sut.exchange.end();
        CHECK(sut.front().can_push_request(static_cast<std::uint32_t>(large.size())));
    }
}
