// What becomes of each request of a dead worker: one test per row of the table that Workers::bury executes.
#include "workers_rig.h"

#include <poll.h>

using namespace fettle;
using namespace fettle::test;

namespace {

// Two requests; the first is taken as far as the row says, then its worker dies and another one is there.
struct Row {
    Wire wire;
    WireClient client{wire};
    WorkersRig rig;
    WorkerEnd victim = rig.add_worker(1);
    ipc::RequestKey key = rig.dispatch(client, "POST /pay").key;
    WorkerEnd heir = rig.add_worker(2);

    void claim() {
        REQUIRE(victim.next().has_value());
        REQUIRE(victim.channel().claim(key));
    }

    // True if the other worker has the request now.
    [[nodiscard]] bool runs_again() {
        const auto taken = heir.next();
        return taken && taken->text == "POST /pay" && heir.channel().claim(taken->key);
    }
};

}  // namespace

TEST_CASE("burial, row QUEUED: the request runs on another worker, whatever its method, and its client hears nothing",
          "[balancer]") {
    Row row;
    const bool popped = GENERATE(false, true);  // the worker had it in its hands, and not claimed it
    if (popped) {
        REQUIRE(row.victim.next().has_value());
    }

    row.rig.bury(row.victim);

    CHECK(row.runs_again());
    CHECK(row.wire.events == 0);
}

TEST_CASE("burial, row CLAIMED: the client gets an error, and the request is not run again", "[balancer]") {
    Row row;
    row.claim();

    row.rig.bury(row.victim);

    CHECK(row.wire.events == Wire::kFailure);
    CHECK_FALSE(row.runs_again());
}

TEST_CASE("burial, row RESPONDING: the client is cut off behind what it has, and nothing is run again", "[balancer]") {
    Row row;
    row.claim();
    row.victim.head(row.key, false);

    row.rig.bury(row.victim);

    CHECK(row.wire.events == (Wire::kHead << 4 | Wire::kFailure));
    CHECK_FALSE(row.runs_again());
}

TEST_CASE("burial, row DONE: a complete response that was not harvested is delivered", "[balancer]") {
    Row row;
    row.claim();
    row.victim.head(row.key, true);

    row.rig.bury(row.victim);

    CHECK(row.wire.events == (Wire::kHead | Wire::kLast));
    CHECK_FALSE(row.runs_again());
}

TEST_CASE("burial, row DROPPED: a recalled request that its worker had dropped runs on another one", "[balancer]") {
    Row row;
    REQUIRE(row.victim.next().has_value());
    row.rig.workers.recall(row.victim.worker->id);  // revoked: it goes to the other worker at once
    CHECK_FALSE(row.victim.channel().claim(row.key));

    row.rig.bury(row.victim);

    CHECK(row.runs_again());
    CHECK_FALSE(row.runs_again());  // once
    CHECK(row.wire.events == 0);
}

TEST_CASE(
        "lane: a slot that waits for its request's body is woken when the client leaves, also if the news has no room",
        "[balancer]") {
    Wire wire;
    WireClient client(wire);
    WorkersRig rig;
    WorkerEnd worker = rig.add_worker(1);
    balancer::Exchange& exchange = rig.dispatch(client, "POST /upload", true);
    REQUIRE(worker.next().has_value());
    REQUIRE(worker.channel().claim(exchange.key));
    for (std::uint32_t piece = 0; piece < 2 * ipc::kRingEntries; ++piece) {  // until the request ring is full
        exchange.body.append("x");
        rig.workers.body_progress(exchange);
    }
    worker.lane().about_to_sleep(ipc::LaneSleep::Blocked);

    exchange.client = nullptr;
    rig.workers.client_left(exchange);

    CHECK(worker.channel().cancelled(exchange.key));
    pollfd bell{.fd = worker.bell, .events = POLLIN, .revents = 0};
    CHECK(::poll(&bell, 1, 0) == 1);
}
