#include "ipc/segment.h"

#include "channel_fixture.h"
#include "ipc/scoreboard.h"

#include <catch2/catch.hpp>

using namespace fettle::ipc;

TEST_CASE("segment: a file whose size is not sealed is not trusted", "[ipc]") {
    auto file = create_memory_file("test", kPage);
    REQUIRE(file.has_value());

    CHECK_FALSE(check_sealed_size(file->get(), kPage).has_value());
    REQUIRE(seal_size(file->get()).has_value());
    CHECK(check_sealed_size(file->get(), kPage).has_value());
    CHECK_FALSE(check_sealed_size(file->get(), 2 * kPage).has_value());
}

TEST_CASE("segment: mapping something that cannot be mapped is an error, not an exception", "[ipc]") {
    const auto mapped = Segment::map(-1, kPage, Access::ReadOnly);

    REQUIRE_FALSE(mapped.has_value());
    CHECK(mapped.error().message().find("cannot map") != std::string::npos);
}

TEST_CASE("scoreboard: the supervisor reads what the worker counts", "[ipc]") {
    fettle::test::BothEnds ends;
    auto fds = ends.balancer->duplicate_fds();
    REQUIRE(fds.has_value());
    auto sut = ScoreboardReader::map(fds->response_file.get(), {.threads = 1, .lanes = 2});
    REQUIRE(sut.has_value());

    ends.worker->lane(0).score().started.store(5);
    ends.worker->lane(1).score().started.store(2);
    ends.worker->lane(1).score().finished.store(1);
    ends.worker->header().pss_bytes.store(4096);

    CHECK(sut->lane(0).started == 5);
    CHECK(sut->total().started == 7);
    CHECK(sut->total().finished == 1);
    CHECK(sut->pss_bytes() == 4096);
    CHECK(sut->lane(99).started == 0);
}
