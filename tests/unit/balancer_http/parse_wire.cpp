#include "tests/unit/balancer_http/parse_wire.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <cstring>
#include <memory>
#include <random>

namespace fettle::http::test {

namespace {

std::string describe(const RequestHead& head) {
    std::string text = fmt::format("{} {}", head.method, head.path);
    if (!head.query.empty()) {
        text.append("?").append(head.query);
    }
    text += fmt::format(" HTTP/1.{}", head.http_minor);
    for (const HeaderField& field : head.headers) {
        text += fmt::format("\n{}: {}", field.name, field.value);
        CHECK(field.known == ipc::find_known_header(field.name));
    }
    return text;
}

// One piece in a heap block of exactly its size: a sanitizer sees a byte read too many.
struct Piece {
    explicit Piece(std::string_view text) : bytes(std::make_unique<std::byte[]>(text.size())), size(text.size()) {
        std::memcpy(bytes.get(), text.data(), text.size());
    }

    std::unique_ptr<std::byte[]> bytes;
    std::size_t size;
};

}  // namespace

Outcome parse_wire(std::string_view wire, const config::Http& limits, const Cuts& next_cut) {
    Outcome outcome;
    RequestParser sut(limits);
    ParsedRequest current;
    while (!wire.empty() && outcome.refused == 0) {
        const Piece piece(wire.substr(0, std::max<std::size_t>(next_cut(), 1)));
        wire.remove_prefix(piece.size);
        std::span<const std::byte> rest(piece.bytes.get(), piece.size);
        bool more = true;
        while (more) {
            const RequestParser::Step step = sut.feed(rest);
            REQUIRE(step.consumed <= rest.size());
            rest = rest.subspan(step.consumed);
            switch (step.event) {
                case RequestParser::Event::NeedMore:
                    CHECK(rest.empty());
                    more = false;
                    break;
                case RequestParser::Event::HeadComplete:
                    current = {.head = describe(sut.head()),
                               .keep_alive = sut.head().keep_alive,
                               .expects_continue = sut.head().expects_continue};
                    break;
                case RequestParser::Event::BodyPiece:
                    REQUIRE_FALSE(step.body.empty());
                    current.body.append(reinterpret_cast<const char*>(step.body.data()), step.body.size());
                    break;
                case RequestParser::Event::MessageComplete:
                    CHECK(describe(sut.head()) == current.head);  // still there
                    CHECK(sut.body_bytes() == current.body.size());
                    outcome.requests.push_back(current);
                    more = !rest.empty();
                    break;
                case RequestParser::Event::Refused:
                    outcome.refused = sut.refusal().status;
                    CHECK_FALSE(sut.refusal().reason.empty());
                    CHECK(sut.feed(rest).event == RequestParser::Event::Refused);
                    more = false;
                    break;
            }
        }
    }
    outcome.in_message = sut.in_message();
    return outcome;
}

Outcome parse_in_all_cuts(std::string_view wire, const config::Http& limits) {
    Outcome whole = parse_wire(wire, limits, [&] { return wire.size(); });
    const Outcome bytewise = parse_wire(wire, limits, [] { return std::size_t{1}; });
    CHECK(bytewise == whole);
    std::mt19937 random(20240607);
    for (int round = 0; round < 20; ++round) {
        const Outcome cut =
                parse_wire(wire, limits, [&] { return std::uniform_int_distribution<std::size_t>(1, 24)(random); });
        CHECK(cut == whole);
    }
    return whole;
}

std::string get(std::string_view header_lines) {
    return fmt::format("GET / HTTP/1.1\r\nHost: h\r\n{}\r\n", header_lines);
}

}  // namespace fettle::http::test
