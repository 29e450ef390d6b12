#include "ipc/request_record.h"
#include "ipc/response_record.h"
#include "tests/support/random.h"

#include <catch2/catch.hpp>

#include <cstring>
#include <string>
#include <vector>

using namespace fettle::ipc;

namespace {

struct Built {
    std::vector<std::byte> bytes;

    ResponseRecord& record() { return *reinterpret_cast<ResponseRecord*>(bytes.data()); }

    HeaderSize& size(std::size_t index) {
        return reinterpret_cast<HeaderSize*>(bytes.data() + sizeof(ResponseRecord))[index];
    }
};

Built build(const std::vector<std::pair<std::string, std::string>>& headers, const std::string& body) {
    std::string text = "OK";
    std::uint32_t headers_bytes = 0;
    for (const auto& [name, value] : headers) {
        text += name + value;
        headers_bytes += static_cast<std::uint32_t>(name.size() + value.size());
    }
    text += body;
    Built built;
    built.bytes.resize(response_record_bytes(headers.size(), 2, headers_bytes, body.size()));
    built.record() = {200, static_cast<std::uint16_t>(headers.size()), 2, headers_bytes,
                      static_cast<std::uint32_t>(body.size())};
    for (std::size_t index = 0; index < headers.size(); ++index) {
        built.size(index) = {static_cast<std::uint32_t>(headers[index].first.size()),
                             static_cast<std::uint32_t>(headers[index].second.size())};
    }
    std::memcpy(built.bytes.data() + built.bytes.size() - text.size(), text.data(), text.size());
    return built;
}

}  // namespace

TEST_CASE("known headers: every name is found and others are not", "[ipc]") {
    for (std::uint16_t id = 1; id < static_cast<std::uint16_t>(KnownHeader::Count); ++id) {
        const auto header = static_cast<KnownHeader>(id);
        CHECK(find_known_header(known_header_name(header)) == header);
    }
    CHECK(find_known_header("") == KnownHeader::Other);
    CHECK(find_known_header("Accept") == KnownHeader::Other);  // names are lower case
    CHECK(find_known_header("x-something") == KnownHeader::Other);
}

TEST_CASE("response record: what was written is read back", "[ipc]") {
    Built built = build({{"Content-Type", "text/plain"}, {"X", ""}}, "hello");

    auto reader = ResponseReader::parse(built.bytes);

    REQUIRE(reader.has_value());
    CHECK(reader->status() == 200);
    CHECK(reader->reason() == "OK");
    const auto first = reader->next_header();
    REQUIRE(first.has_value());
    CHECK(first->name == "Content-Type");
    CHECK(first->value == "text/plain");
    const auto second = reader->next_header();
    REQUIRE(second.has_value());
    CHECK(second->name == "X");
    CHECK(second->value.empty());
    CHECK_FALSE(reader->next_header().has_value());
    CHECK(reader->body().size() == 5);
}

TEST_CASE("response record: sizes that leave the payload are refused", "[ipc]") {
    Built built = build({{"A", "b"}}, "body");
    SECTION("too short for the fixed part") {
        built.bytes.resize(10);
    }
    SECTION("body larger than the payload") {
        built.record().body_bytes = 1000;
    }
    SECTION("body smaller than the payload") {
        built.record().body_bytes = 1;
    }
    SECTION("reason larger than the payload") {
        built.record().reason_bytes = 0xffffffff;
    }
    SECTION("headers larger than the payload") {
        built.record().headers_bytes = 0xfffffff0;
    }
    SECTION("more headers than fit") {
        built.record().header_count = 400;
    }
    SECTION("more headers than allowed") {
        built.record().header_count = 60'000;
    }

    CHECK_FALSE(ResponseReader::parse(built.bytes).has_value());
}

TEST_CASE("response record: a header that leaves the header text ends the list", "[ipc]") {
    Built built = build({{"A", "b"}, {"C", "d"}}, "body");
    built.size(0).value = 0xffffffff;
    auto reader = ResponseReader::parse(built.bytes);
    REQUIRE(reader.has_value());

    CHECK_FALSE(reader->next_header().has_value());
    CHECK_FALSE(reader->next_header().has_value());
}

TEST_CASE("response record: random bytes never make the reader leave the payload", "[ipc]") {
    fettle::test::Random random(3);
    std::uint64_t total = 0;
    for (int round = 0; round < 50'000; ++round) {
        Built built = build({{"Name", "value"}, {"Other", "x"}}, std::string(random() % 50, 'b'));
        for (int change = 0; change < 4; ++change) {
            built.bytes[random() % built.bytes.size()] = static_cast<std::byte>(random());
        }
        // An exact heap block, so that the address sanitizer sees any read past its end.
        std::vector<std::byte> exact(built.bytes.begin(), built.bytes.end());
        if (auto reader = ResponseReader::parse(exact)) {
            for (const char character : reader->reason()) {
                total += static_cast<unsigned char>(character);
            }
            while (const auto header = reader->next_header()) {
                for (const char character : std::string(header->name) + std::string(header->value)) {
                    total += static_cast<unsigned char>(character);
                }
            }
            total += reader->body().size();
        }
    }
    CHECK(total > 0);
}

TEST_CASE("request record: spans outside of the payload read as empty", "[ipc]") {
    std::vector<std::byte> bytes(sizeof(RequestRecord) + 8);
    RequestRecord record;
    record.total_bytes = static_cast<std::uint32_t>(bytes.size());
    std::memcpy(bytes.data(), &record, sizeof(record));

    RequestView sut(bytes);

    REQUIRE(sut.valid());
    CHECK(sut.text({sizeof(RequestRecord), 8}).size() == 8);
    CHECK(sut.text({sizeof(RequestRecord), 9}).empty());
    CHECK(sut.text({0xffffffff, 0xffffffff}).empty());
}

TEST_CASE("request record: more header entries than the payload holds make it invalid", "[ipc]") {
    std::vector<std::byte> bytes(sizeof(RequestRecord) + sizeof(HeaderEntry));
    RequestRecord record;
    record.total_bytes = static_cast<std::uint32_t>(bytes.size());
    record.header_count = 2;
    std::memcpy(bytes.data(), &record, sizeof(record));

    CHECK_FALSE(RequestView(bytes).valid());
}
