#include "worker/native/lane/response_writer.h"

#include "ipc/response_record.h"
#include "lane_fixture.h"

#include <thread>

using fettle::ipc::kSizedWindow;
using fettle::ipc::kStreamWindow;
using fettle::ipc::ResponseKind;
using fettle::ipc::ResponseReader;
using fettle::test::bytes_of;
using fettle::test::LaneFixture;
using fettle::worker::Io;
using fettle::worker::Mode;
using fettle::worker::ResponseWriter;

namespace {

struct WriterFixture : LaneFixture {
    ResponseWriter sut{exchange};
    std::string head_text;  // of the last Head: status and headers, one a line
    std::string body;       // received so far
    std::vector<ResponseKind> kinds;
    bool ended = false;

    explicit WriterFixture(bool head_request = false) {
        run_request();
        sut.begin(head_request);
    }

    void start(std::string_view status = "200 OK") {
        REQUIRE(sut.head().set_status(status) == fettle::worker::ResponseHead::Fault::None);
    }

    void declare(std::uint64_t length) { REQUIRE(sut.head().add_content_length(length)); }

    // Takes in what was published.
    void harvest() {
        while (const auto received = receive()) {
            kinds.push_back(received->message.kind);
            ended = received->message.last;
            if (received->message.kind != ResponseKind::Head) {
                body += received->payload;
                continue;
            }
            auto reader = ResponseReader::parse(std::as_bytes(std::span(received->payload)));
            REQUIRE(reader.has_value());
            head_text = std::to_string(reader->status()) + "\n";
            while (const auto header = reader->next_header()) {
                head_text += std::string(header->name) + ": " + std::string(header->value) + "\n";
            }
            body += fettle::test::text_of(reader->body());
        }
    }
};

std::string pattern(std::size_t bytes) {
    std::string text(bytes, '\0');
    for (std::size_t at = 0; at < bytes; ++at) {
        text[at] = static_cast<char>('a' + at % 23);
    }
    return text;
}

}  // namespace

TEST_CASE("response writer: head and first piece go together, later pieces alone", "[worker]") {
    WriterFixture test;
    test.start();
    auto one = bytes_of("one ");
    auto two = bytes_of("two");

    REQUIRE(test.sut.send(one, Mode::Try) == Io::Done);
    REQUIRE(test.sut.send(two, Mode::Try) == Io::Done);
    REQUIRE(test.sut.finish(ResponseWriter::Ending::Complete, 7, Mode::Try) == Io::Done);

    test.harvest();
    CHECK(test.kinds == std::vector{ResponseKind::Head, ResponseKind::Body, ResponseKind::End});
    CHECK(test.body == "one two");
    CHECK(test.ended);
}

TEST_CASE("response writer: a complete small response is one descriptor", "[worker]") {
    WriterFixture test;
    test.start();

    const auto space = test.sut.reserve_whole(5);
    REQUIRE(space.has_value());
    std::memcpy(space->data(), "whole", 5);
    test.sut.commit_whole(7);

    test.harvest();
    CHECK(test.kinds == std::vector{ResponseKind::Head});
    CHECK(test.body == "whole");
    CHECK(test.ended);
}

TEST_CASE("response writer: without a body the head alone is the response", "[worker]") {
    WriterFixture test;
    test.start("304 Not Modified");

    REQUIRE(test.sut.finish(ResponseWriter::Ending::Complete, 7, Mode::Try) == Io::Done);

    test.harvest();
    CHECK(test.kinds == std::vector{ResponseKind::Head});
    CHECK(test.ended);
}

TEST_CASE("response writer: a body without declared length stops at the stream window", "[worker]") {
    WriterFixture test;
    test.start();
    const std::string body = pattern(kSizedWindow * 2);
    auto rest = bytes_of(body);

    CHECK(test.sut.send(rest, Mode::Try) == Io::WouldBlock);
    test.harvest();
    CHECK(test.body.size() == kStreamWindow);

    test.front().set_credit(test.key, kSizedWindow + 1000);
    CHECK(test.sut.send(rest, Mode::Try) == Io::WouldBlock);
    test.harvest();
    CHECK(test.body.size() == kStreamWindow + 1000);

    test.front().set_credit(test.key, 4 * kSizedWindow);
    CHECK(test.sut.send(rest, Mode::Try) == Io::Done);
    test.harvest();
    CHECK(test.body == body);
}

TEST_CASE("response writer: a body with a declared length may use the whole window", "[worker]") {
    WriterFixture test;
    test.start();
    const std::string body = pattern(kSizedWindow * 2);
    test.declare(body.size());
    auto rest = bytes_of(body);

    CHECK(test.sut.send(rest, Mode::Try) == Io::WouldBlock);
    test.harvest();
    CHECK(test.body.size() == kSizedWindow);
    CHECK_FALSE(test.sut.satisfied());

    test.front().set_credit(test.key, body.size());
    CHECK(test.sut.send(rest, Mode::Try) == Io::Done);
    test.harvest();
    CHECK(test.body == body);
    CHECK(test.sut.satisfied());
}

TEST_CASE("response writer: credit wakes a blocked writer", "[worker]") {
    WriterFixture test;
    test.start();
    const std::string body = pattern(kStreamWindow + 1);
    auto rest = bytes_of(body);
    REQUIRE(test.sut.send(rest, Mode::Try) == Io::WouldBlock);

    Io result = Io::Gone;
    std::thread writer([&] { result = test.sut.send(rest, Mode::Block); });
    test.front().set_credit(test.key, kSizedWindow + 1);
    test.ends.balancer->ring_if_blocked(0);
    writer.join();

    CHECK(result == Io::Done);
    test.harvest();
    CHECK(test.body == body);
}

TEST_CASE("response writer: a full arena blocks and its release wakes", "[worker]") {
    WriterFixture test;
    test.start();
    const std::string body = pattern(8 * kSizedWindow);
    test.declare(body.size());
    test.front().set_credit(test.key, body.size());
    auto rest = bytes_of(body);
    REQUIRE(test.sut.send(rest, Mode::Try) == Io::WouldBlock);

    Io result = Io::Gone;
    std::thread writer([&] { result = test.sut.send(rest, Mode::Block); });
    while (test.body.size() < body.size()) {
        test.harvest();
        test.ends.balancer->ring_if_blocked(0);
    }
    writer.join();

    CHECK(result == Io::Done);
    CHECK(test.body == body);
}

TEST_CASE("response writer: many small pieces wait for descriptors, none is lost", "[worker]") {
    WriterFixture test;
    test.start();
    std::string sent;
    for (int number = 0; number < 10'000; ++number) {
        const std::string piece = std::to_string(number) + ",";
        auto rest = bytes_of(piece);
        while (test.sut.send(rest, Mode::Try) == Io::WouldBlock) {
            test.harvest();
        }
        sent += piece;
    }
    test.harvest();
    CHECK(test.body == sent);
}

TEST_CASE("response writer: what goes beyond the declared length is dropped", "[worker]") {
    WriterFixture test;
    test.start();
    test.declare(6);
    auto first = bytes_of("four");
    auto second = bytes_of("four");
    auto third = bytes_of("four");

    REQUIRE(test.sut.send(first, Mode::Try) == Io::Done);
    CHECK_FALSE(test.sut.satisfied());
    REQUIRE(test.sut.send(second, Mode::Try) == Io::Done);
    REQUIRE(test.sut.send(third, Mode::Try) == Io::Done);

    test.harvest();
    CHECK(test.body == "fourfo");
    CHECK(test.sut.satisfied());
}

TEST_CASE("response writer: HEAD gets no body bytes and keeps the declared length", "[worker]") {
    WriterFixture test(true);
    test.start();
    test.declare(1000);
    auto body = bytes_of("body");

    CHECK(test.sut.bodyless());
    REQUIRE(test.sut.send(body, Mode::Try) == Io::Done);
    CHECK(test.sut.satisfied());
    REQUIRE(test.sut.finish(ResponseWriter::Ending::Complete, 7, Mode::Try) == Io::Done);

    test.harvest();
    CHECK(test.kinds == std::vector{ResponseKind::Head});
    CHECK(test.body.empty());
    CHECK(test.head_text == "200\nContent-Length: 1000\n");
}

TEST_CASE("response writer: failure before the head says so and sends no head", "[worker]") {
    WriterFixture test;
    test.start();

    REQUIRE(test.sut.finish(ResponseWriter::Ending::Failed, 7, Mode::Try) == Io::Done);

    test.harvest();
    CHECK(test.kinds == std::vector{ResponseKind::Failed});
    CHECK(test.ended);
}

TEST_CASE("response writer: a client that left stops the body, but the end is still told", "[worker]") {
    WriterFixture test;
    test.start();
    REQUIRE(test.front().cancel_for_good(test.key) == fettle::ipc::BalancerChannel::Cancel::TooLate);
    auto body = bytes_of("body");

    CHECK(test.sut.send(body, Mode::Block) == Io::Gone);
    CHECK(test.sut.finish(ResponseWriter::Ending::Failed, 7, Mode::Block) == Io::Done);

    test.harvest();
    CHECK(test.kinds == std::vector{ResponseKind::Failed});
}

TEST_CASE("response writer: a lost balancer ends every wait", "[worker]") {
    WriterFixture test;
    test.start();
    const std::string body = pattern(kStreamWindow + 1);
    auto rest = bytes_of(body);
    REQUIRE(test.sut.send(rest, Mode::Try) == Io::WouldBlock);

    Io result = Io::Done;
    std::thread writer([&] { result = test.sut.send(rest, Mode::Block); });
    test.attachment->abandoned.store(true);
    test.attachment->channels->lane(0).wake();
    writer.join();

    CHECK(result == Io::Gone);
    CHECK(test.sut.finish(ResponseWriter::Ending::Failed, 7, Mode::Block) == Io::Gone);
}

TEST_CASE("response writer: a body that fits the window goes in one piece, even behind the largest head", "[worker]") {
    WriterFixture test;
    test.start();
    const std::string value(fettle::ipc::kMaxResponseHeadBytes - test.sut.head().record_bytes() - 1000, 'x');
    REQUIRE(test.sut.head().add("X", value) == fettle::worker::ResponseHead::Fault::None);
    const std::string body = pattern(kSizedWindow);
    test.declare(body.size());
    auto rest = bytes_of(body);

    REQUIRE(test.sut.send(rest, Mode::Try) == Io::Done);
    REQUIRE(test.sut.finish(ResponseWriter::Ending::Complete, 7, Mode::Try) == Io::Done);

    test.harvest();
    CHECK(test.kinds == std::vector{ResponseKind::Head, ResponseKind::End});
    CHECK((test.body == body));
}

TEST_CASE("response writer: two full responses lie in the arena at once, wherever the first began", "[worker]") {
    const std::uint32_t before = GENERATE(0U, 1U, 64U, 100'000U, 1'000'000U);
    WriterFixture test;
    const std::string body = pattern(kSizedWindow);
    const auto respond = [&](std::string_view text) {
        test.start();
        const auto space = test.sut.reserve_whole(text.size());
        if (!space) {
            return false;
        }
        std::memcpy(space->data(), text.data(), text.size());
        test.sut.commit_whole(7);
        test.exchange.end();
        test.run_request();
        test.sut.begin(false);
        return true;
    };
    if (before > 0) {
        REQUIRE(respond(pattern(before)));
        REQUIRE(respond("keeps the arena from being empty"));
        REQUIRE(test.receive().has_value());  // makes room at the front
    }

    REQUIRE(respond(body));
    const bool second = respond(body);
    if (before == 0) {
        CHECK(second);
    }
    // Room for a second one is a matter of place; that it comes, once the balancer takes what there is, is not.
    test.harvest();
    if (!second) {
        CHECK(respond(body));
        test.harvest();
    }
    CHECK(test.body.size() >= 2 * body.size());
}

TEST_CASE("response writer: a piece that waits for its room goes in one piece when it comes", "[worker]") {
    WriterFixture test;
    test.start();
    const std::string body = pattern(kSizedWindow);
    test.declare(3 * body.size());
    test.front().set_credit(test.key, 3 * body.size());
    for (int piece = 0; piece < 2; ++piece) {
        auto rest = bytes_of(body);
        REQUIRE(test.sut.send(rest, Mode::Try) == Io::Done);
    }

    auto rest = bytes_of(body);
    CHECK(test.sut.send(rest, Mode::Try) == Io::WouldBlock);
    CHECK(rest.size() == body.size());  // no crumb of it went
    REQUIRE(test.receive().has_value());
    CHECK(test.sut.send(rest, Mode::Try) == Io::Done);

    test.harvest();
    CHECK(test.kinds == std::vector{ResponseKind::Body, ResponseKind::Body});  // the head went before
}
