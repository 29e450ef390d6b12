#include "ipc/arena.h"

#include "tests/support/random.h"

#include <catch2/catch.hpp>

#include <deque>

using fettle::ipc::RingArena;

TEST_CASE("arena: an empty arena offers all of its bytes", "[ipc]") {
    RingArena sut(1024, 64, 8);

    CHECK(sut.largest_free() == 1024);
    CHECK(sut.reserve(1024) == 0U);
}

TEST_CASE("arena: a reservation that is never committed costs nothing", "[ipc]") {
    RingArena sut(1024, 64, 8);

    REQUIRE(sut.reserve(700).has_value());
    REQUIRE(sut.reserve(900).has_value());

    CHECK(sut.largest_free() == 1024);
}

TEST_CASE("arena: only the used part of a reservation is kept, rounded up to the alignment", "[ipc]") {
    RingArena sut(1024, 64, 8);

    REQUIRE(sut.reserve(1000) == 0U);
    sut.commit(65);

    CHECK(sut.largest_free() == 1024 - 128);
    CHECK(sut.reserve(10) == 128U);
}

TEST_CASE("arena: when everything is released the next reservation starts at offset 0 again", "[ipc]") {
    RingArena sut(1024, 64, 8);
    for (int round = 0; round < 100; ++round) {
        REQUIRE(sut.reserve(64) == 0U);
        sut.commit(64);
        sut.release_until(sut.committed());
    }
}

TEST_CASE("arena: a full arena offers nothing, and all of it after the release", "[ipc]") {
    RingArena sut(256, 64, 8);
    for (int block = 0; block < 4; ++block) {
        REQUIRE(sut.reserve(64).has_value());
        sut.commit(64);
    }

    CHECK(sut.largest_free() == 0);
    CHECK_FALSE(sut.reserve(1).has_value());
    sut.release_until(2);
    CHECK(sut.largest_free() == 128);
    CHECK(sut.reserve(128) == 0U);
}

TEST_CASE("arena: entries without space do not disturb those with space", "[ipc]") {
    RingArena sut(256, 64, 8);
    REQUIRE(sut.reserve(64).has_value());
    sut.commit(64);
    sut.commit(0);

    sut.release_until(1);
    CHECK(sut.largest_free() == 256);
    REQUIRE(sut.reserve(192) == 0U);
    sut.commit(192);
    sut.release_until(2);  // the empty entry, older than the one with space

    CHECK(sut.largest_free() == 64);
}

TEST_CASE("arena: no two outstanding entries overlap, whatever the order of sizes", "[ipc]") {
    fettle::test::Random random(20261120);
    RingArena sut(4096, 64, 16);

    struct Held {
        std::uint32_t begin, end;
    };

    std::deque<Held> held;
    std::uint64_t released = 0;
    for (int step = 0; step < 200'000; ++step) {
        const std::uint32_t length = random() % 1500;
        const bool entry_free = !sut.full();
        if (entry_free && random() % 2 == 0) {
            if (length == 0) {
                sut.commit(0);
                held.push_back({0, 0});
                continue;
            }
            const auto offset = sut.reserve(length);
            if (!offset) {
                continue;
            }
            const std::uint32_t used = 1 + random() % length;
            for (const Held& other : held) {
                REQUIRE((*offset + used <= other.begin || *offset >= other.end));
            }
            REQUIRE(*offset + length <= 4096);
            sut.commit(used);
            held.push_back({*offset, *offset + used});
        } else if (!held.empty()) {
            const std::size_t count = 1 + random() % held.size();
            held.erase(held.begin(), held.begin() + static_cast<std::ptrdiff_t>(count));
            released += count;
            sut.release_until(released);
        }
    }
    sut.release_until(sut.committed());
    CHECK(sut.largest_free() == 4096);
}
