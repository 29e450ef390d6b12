#include "worker/native/lane/request_body.h"

#include "lane_fixture.h"

#include <thread>

using fettle::test::bytes_of;
using fettle::test::LaneFixture;
using fettle::test::text_of;
using fettle::worker::Io;
using fettle::worker::Mode;
using fettle::worker::RequestBody;

namespace {

struct BodyFixture : LaneFixture {
    RequestBody sut{exchange};

    std::string read_all() {
        std::string all;
        while (!sut.at_end()) {
            REQUIRE(sut.fill(Mode::Block) == Io::Done);
            all += text_of(sut.unread());
            sut.consume(sut.unread().size());
        }
        return all;
    }
};

}  // namespace

TEST_CASE("request body: a body inside the record is there without waiting", "[worker]") {
    BodyFixture test;
    test.run_request();
    test.sut.begin(bytes_of("hello"), true, 5, false);

    CHECK(test.sut.remaining() == 5);
    CHECK(text_of(test.sut.unread()) == "hello");
    test.sut.consume(2);
    CHECK(text_of(test.sut.unread()) == "llo");
    CHECK_FALSE(test.sut.at_end());
    test.sut.consume(3);
    CHECK(test.sut.at_end());
    CHECK(test.sut.fill(Mode::Try) == Io::Done);
}

TEST_CASE("request body: pieces follow each other", "[worker]") {
    BodyFixture test;
    test.run_request(false);
    test.sut.begin(bytes_of("one "), false, std::nullopt, false);
    test.push_body(test.key, "two ", false);
    test.push_body(test.key, "three", true);

    CHECK_FALSE(test.sut.remaining().has_value());
    CHECK(test.read_all() == "one two three");
}

TEST_CASE("request body: what remains is known from the declared length", "[worker]") {
    BodyFixture test;
    test.run_request(false);
    test.sut.begin(bytes_of("12"), false, 6, false);
    CHECK(test.sut.remaining() == 6);
    test.sut.consume(2);
    CHECK(test.sut.remaining() == 4);
    test.push_body(test.key, "345", false);
    REQUIRE(test.sut.fill(Mode::Try) == Io::Done);
    CHECK(test.sut.remaining() == 4);
    test.sut.consume(3);
    CHECK(test.sut.remaining() == 1);
}

TEST_CASE("request body: without a further piece it would block, and a piece wakes it", "[worker]") {
    BodyFixture test;
    test.run_request(false);
    test.sut.begin({}, false, std::nullopt, false);
    CHECK(test.sut.fill(Mode::Try) == Io::WouldBlock);

    Io result = Io::Gone;
    std::thread reader([&] { result = test.sut.fill(Mode::Block); });
    test.push_body(test.key, "late", true);
    test.ends.balancer->ring_if_asleep(0);
    reader.join();

    CHECK(result == Io::Done);
    CHECK(text_of(test.sut.unread()) == "late");
}

TEST_CASE("request body: a client that leaves in the middle is noticed", "[worker]") {
    BodyFixture test;
    test.run_request(false);
    test.sut.begin({}, false, 100, false);
    REQUIRE(test.front().push_abort(test.key));

    CHECK(test.sut.fill(Mode::Block) == Io::Gone);
    CHECK(test.sut.aborted());
    CHECK(test.sut.fill(Mode::Try) == Io::Gone);
}

TEST_CASE("request body: \"100 Continue\" is asked for before the first wait, once", "[worker]") {
    BodyFixture test;
    test.run_request(false);
    test.sut.begin({}, false, 4, true);
    CHECK_FALSE(test.receive().has_value());  // nobody has read yet

    std::thread reader([&] { (void)test.sut.fill(Mode::Block); });
    std::optional<LaneFixture::Received> received;
    while (!received) {
        received = test.receive();
    }
    test.push_body(test.key, "bo", false);
    test.ends.balancer->ring_if_asleep(0);
    reader.join();
    test.sut.consume(2);
    test.push_body(test.key, "dy", true);

    CHECK(received->message.kind == fettle::ipc::ResponseKind::Continue);
    CHECK(test.sut.fill(Mode::Block) == Io::Done);
    CHECK_FALSE(test.receive().has_value());
}

TEST_CASE("request body: a lost balancer ends the wait for it", "[worker]") {
    BodyFixture test;
    test.run_request(false);
    test.sut.begin({}, false, std::nullopt, false);

    Io result = Io::Done;
    std::thread reader([&] { result = test.sut.fill(Mode::Block); });
    test.attachment->abandoned.store(true);
    test.attachment->channels->lane(0).wake();
    reader.join();

    CHECK(result == Io::Gone);
    CHECK_FALSE(test.sut.aborted());
}
