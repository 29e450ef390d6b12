#include "balancer/http/response_writer.h"

#include <catch2/catch.hpp>

#include <limits>

namespace fettle::http {

namespace {

std::span<const std::byte> bytes(std::string_view text) {
    return std::as_bytes(std::span(text));
}

// What goes onto the wire for these pieces, the last of which ends the body.
std::string send(BodyFramer& framer, std::initializer_list<std::string_view> pieces) {
    std::string wire;
    std::size_t left = pieces.size();
    for (const std::string_view piece : pieces) {
        const FramedPiece framed = framer.frame(bytes(piece), --left == 0);
        const std::size_t before = wire.size();
        wire.append(framed.prefix());
        wire.append(reinterpret_cast<const char*>(framed.payload().data()), framed.payload().size());
        wire.append(framed.suffix());
        CHECK(wire.size() - before == framed.bytes());
    }
    return wire;
}

}  // namespace

TEST_CASE("chunked pieces carry their size and end with an empty chunk", "[framer]") {
    BodyFramer sut(Framing::Chunked);

    CHECK(send(sut, {"hello", std::string(26, 'x'), "!"}) ==
          "5\r\nhello\r\n1a\r\n" + std::string(26, 'x') + "\r\n1\r\n!\r\n0\r\n\r\n");
    CHECK(sut.payload_bytes() == 32);
    CHECK(sut.complete());
}

TEST_CASE("an empty piece in the middle does not end a chunked body", "[framer]") {
    BodyFramer sut(Framing::Chunked);

    CHECK(send(sut, {"", "a", "", ""}) == "1\r\na\r\n0\r\n\r\n");
}

TEST_CASE("an empty chunked body is an empty chunk", "[framer]") {
    BodyFramer sut(Framing::Chunked);

    CHECK(send(sut, {""}) == "0\r\n\r\n");
}

TEST_CASE("a framed payload is not copied", "[framer]") {
    const std::string_view body = "hello";
    BodyFramer sut(Framing::Chunked);

    const FramedPiece framed = sut.frame(bytes(body), false);

    CHECK(framed.payload().data() == bytes(body).data());
}

TEST_CASE("a copied framed piece has its own prefix", "[framer]") {
    BodyFramer sut(Framing::Chunked);
    auto framed = std::make_unique<FramedPiece>(sut.frame(bytes("hello"), false));

    const FramedPiece copy = *framed;
    framed.reset();

    CHECK(copy.prefix() == "5\r\n");
}

TEST_CASE("a body of the declared length is complete", "[framer]") {
    BodyFramer sut(Framing::Length, 5);

    CHECK(send(sut, {"he", "llo"}) == "hello");
    CHECK(sut.complete());
    CHECK_FALSE(sut.too_long());
    CHECK_FALSE(sut.too_short());
}

TEST_CASE("what exceeds the declared length is cut off and reported", "[framer]") {
    BodyFramer sut(Framing::Length, 5);

    CHECK(send(sut, {"hel", "lo wo", "rld"}) == "hello");
    CHECK(sut.complete());
    CHECK(sut.too_long());
    CHECK_FALSE(sut.too_short());
    CHECK(sut.payload_bytes() == 5);
}

TEST_CASE("a body shorter than declared is reported at its end, not before", "[framer]") {
    BodyFramer sut(Framing::Length, 5);

    (void)sut.frame(bytes("he"), false);
    CHECK_FALSE(sut.too_short());
    (void)sut.frame(bytes("l"), true);

    CHECK(sut.too_short());
    CHECK_FALSE(sut.complete());
}

TEST_CASE("a body that ends with the connection is sent as it is", "[framer]") {
    BodyFramer sut(Framing::Close);

    CHECK(send(sut, {"a", "", "bc"}) == "abc");
    CHECK(sut.complete());
}

TEST_CASE("an unfinished chunked body is not complete", "[framer]") {
    BodyFramer sut(Framing::Chunked);

    (void)sut.frame(bytes("a"), false);

    CHECK_FALSE(sut.complete());
}

TEST_CASE("a chunk size needs no more room than a prefix has", "[framer]") {
    BodyFramer sut(Framing::Chunked);
    // Only the size matters: the bytes are not looked at.
    const std::span<const std::byte> huge(bytes("x").data(), std::numeric_limits<std::size_t>::max());

    CHECK(sut.frame(huge, false).prefix() == "ffffffffffffffff\r\n");
}

}  // namespace fettle::http
