// Response heads at the limits, as the worker's own code writes them, and records that lie about their sizes.
#include "balancer/http/response_writer.h"
#include "worker/native/lane/response_head.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cstring>
#include <random>
#include <string>
#include <vector>

namespace fettle::http {

namespace {

using worker::ResponseHead;
using Fault = ResponseHead::Fault;

constexpr std::string_view kBefore = "bytes of an earlier response";
constexpr std::string_view kDate = "Sun, 06 Nov 1994 08:49:37 GMT";

std::vector<std::byte> record_of(const ResponseHead& head) {
    std::vector<std::byte> memory(head.record_bytes());
    head.write(memory, 0);
    return memory;
}

struct Written {
    std::string wire;  // without kBefore
    bool accepted = false;
};

Written write(std::span<const std::byte> memory, const ResponseContext& context) {
    std::string wire(kBefore);
    const auto reader = ipc::ResponseReader::parse(memory);
    REQUIRE(reader.has_value());
    const auto result = write_response_head(*reader, true, context, wire);
    REQUIRE(wire.starts_with(kBefore));
    wire.erase(0, kBefore.size());
    return {wire, result.has_value()};
}

// Every line that the server may add.
const ResponseContext kTalkative{
        .date = kDate, .server = "a server with a long name", .http_minor = 0, .keep_alive = true};

std::string number(std::size_t value) {
    return std::to_string(1000 + value);
}

}  // namespace

TEST_CASE("the largest head that a worker can write is sent, with all that the server adds", "[response]") {
    ResponseHead head;
    REQUIRE(head.set_status("200 OK") == Fault::None);
    const bool many = GENERATE(false, true);
    std::string expected = "HTTP/1.1 200 OK\r\n";
    const auto add = [&](const std::string& name, const std::string& value) {
        REQUIRE(head.add(name, value) == Fault::None);
        expected += name + ": " + value + "\r\n";
    };
    for (std::size_t count = 0; many && count + 2 < ipc::kMaxResponseHeaders; ++count) {
        add("X-" + number(count), "v");
    }
    REQUIRE(head.add_content_length(0));
    const std::size_t free = ipc::kMaxResponseHeadBytes - head.record_bytes() - sizeof(ipc::HeaderSize) - 1;
    CHECK(head.add("L", std::string(free + 1, 'x')) == Fault::TooLarge);
    add("L", std::string(free, 'x'));
    CHECK(head.record_bytes() == ipc::kMaxResponseHeadBytes);

    const Written written = write(record_of(head), kTalkative);

    CHECK(written.accepted);
    expected += "Content-Length: 0\r\nDate: " + std::string(kDate) + "\r\nServer: a server with a long name\r\n" +
                "Connection: keep-alive\r\n\r\n";
    CHECK((written.wire == expected));
}

TEST_CASE("the longest numbers fit into a head", "[response]") {
    ResponseHead head;
    REQUIRE(head.set_status("599") == Fault::None);
    REQUIRE(head.add("Content-Length", "18446744073709551615") == Fault::None);

    const Written written = write(record_of(head), {.date = kDate, .server = "s", .http_minor = 1});

    CHECK(written.wire == "HTTP/1.1 599 \r\nContent-Length: 18446744073709551615\r\nDate: " + std::string(kDate) +
                                  "\r\nServer: s\r\nConnection: close\r\n\r\n");
}

TEST_CASE("a declared length is taken out of a head wherever it stands", "[response]") {
    const std::size_t place = GENERATE(0U, 1U, 2U, 3U);
    ResponseHead head;
    REQUIRE(head.set_status("200 OK") == Fault::None);
    std::string others;
    for (std::size_t count = 0; count <= 3; ++count) {
        if (count == place) {
            REQUIRE(head.add("content-LENGTH", "0000000000000000000000007") == Fault::None);
        } else {
            REQUIRE(head.add("X-" + number(count), "v") == Fault::None);
            others += "X-" + number(count) + ": v\r\n";
        }
    }

    const Written written = write(record_of(head), {.date = kDate, .head_request = true, .keep_alive = true});

    CHECK(written.wire ==
          "HTTP/1.1 200 OK\r\n" + others + "Content-Length: 7\r\nDate: " + std::string(kDate) + "\r\n\r\n");
}

TEST_CASE("whatever sizes a record claims, its head is sent whole or leaves no byte", "[response]") {
    std::mt19937 random(4711);
    std::size_t accepted = 0;
    for (int round = 0; round < 50'000; ++round) {
        const std::size_t headers = random() % 5;
        const std::size_t text = random() % 64;
        ipc::ResponseRecord fixed{.status = 200,
                                  .header_count = static_cast<std::uint16_t>(headers),
                                  .reason_bytes = static_cast<std::uint32_t>(random() % (text + 1)),
                                  .headers_bytes = 0,
                                  .body_bytes = static_cast<std::uint32_t>(random() % 8)};
        fixed.headers_bytes = static_cast<std::uint32_t>(text - fixed.reason_bytes);
        std::vector<std::byte> memory(ipc::response_record_bytes(headers, 0, text, fixed.body_bytes), std::byte{'a'});
        std::memcpy(memory.data(), &fixed, sizeof(fixed));
        for (std::size_t header = 0; header < headers; ++header) {
            const auto any = [&] { return random() % 16 == 0 ? static_cast<std::uint32_t>(random()) : random() % 12U; };
            const ipc::HeaderSize size{.name = static_cast<std::uint32_t>(any()),
                                       .value = static_cast<std::uint32_t>(any())};
            std::memcpy(memory.data() + sizeof(fixed) + header * sizeof(size), &size, sizeof(size));
        }

        const Written written = write(memory, kTalkative);

        if (written.accepted) {
            ++accepted;
            REQUIRE(written.wire.ends_with("\r\n\r\n"));
            // The letters of the record, and no byte that was not written.
            REQUIRE(std::none_of(written.wire.begin(), written.wire.end(), [](char c) { return c == '\0'; }));
        } else {
            REQUIRE(written.wire.empty());
        }
    }
    CHECK(accepted > 1000);
}

TEST_CASE("a head that is refused behind many good lines leaves no byte", "[response]") {
    ResponseHead head;
    REQUIRE(head.set_status("200 OK") == Fault::None);
    for (std::size_t count = 0; count < ipc::kMaxResponseHeaders; ++count) {
        REQUIRE(head.add("X-" + number(count), "good") == Fault::None);
    }
    std::vector<std::byte> memory = record_of(head);
    const std::size_t at = GENERATE_COPY(memory.size() - 1, memory.size() - 4, memory.size() - 5);
    memory[at] = std::byte{'\n'};

    const Written written = write(memory, kTalkative);

    CHECK_FALSE(written.accepted);
    CHECK(written.wire.empty());
}

}  // namespace fettle::http
