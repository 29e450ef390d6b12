// Requests allocate nothing once the buffers of a thread have grown.
#include "clients_rig.h"
#include "tests/support/allocations.h"
#include "workers_rig.h"

#include <algorithm>
#include <array>

namespace {

using namespace fettle::test;

constexpr std::size_t kAtOnce = 64;  // connections, or requests, of one turn
constexpr int kWarmUp = 3;           // rounds until every buffer has been used for its largest content

// The allocations in `work`.
template <class Work>
std::size_t count(Work work) {
    const std::size_t before = allocations();
    work();
    return allocations() - before;
}

std::string get_request(std::size_t cookie_bytes) {
    return "GET /shop/cart?item=42 HTTP/1.1\r\nHost: example.org\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\n"
           "Accept: text/html,application/xhtml+xml\r\nCookie: " +
           std::string(cookie_bytes, 'c') + "\r\n\r\n";
}

}  // namespace

TEST_CASE("connections that are kept alive and ask in the same turn are served without an allocation", "[allocation]") {
    InstantDispatcher dispatcher;
    ClientsRig rig(dispatcher);
    std::vector<ClientEnd> clients;
    for (std::size_t number = 0; number < kAtOnce; ++number) {
        clients.push_back(rig.connect());
    }
    const std::string request = get_request(GENERATE(32U, 6000U));  // an ordinary head, and a large one
    const auto serve = [&] {
        for (const ClientEnd& client : clients) {
            client.send(request);
        }
        const std::size_t counted = count([&] { rig.turn(3); });
        const bool served = std::all_of(clients.begin(), clients.end(), [](ClientEnd& client) {
            return client.receive().find("instant") != std::string::npos;
        });
        CHECK(served);
        return counted;
    };
    for (int round = 0; round < kWarmUp; ++round) {
        (void)serve();
    }

    CHECK(serve() == 0);
    CHECK(allocations() > 0);  // the counter counts
}

TEST_CASE("exchanges that run at the same time keep their records for the next requests", "[allocation]") {
    fettle::balancer::ExchangePool pool;
    const std::size_t bytes = GENERATE(500U, 8000U);
    const auto use_all = [&] {
        std::array<fettle::balancer::Exchange*, kAtOnce> exchanges{};
        for (auto*& exchange : exchanges) {
            exchange = &pool.take();
            (void)exchange->record.resize(bytes);
        }
        for (auto* exchange : exchanges) {
            pool.release_if_ended(*exchange);
        }
    };
    use_all();
    use_all();

    CHECK(count(use_all) == 0);
}

TEST_CASE("what idle exchanges keep of their records is bounded", "[allocation]") {
    using fettle::balancer::ExchangePool;
    ExchangePool pool;
    std::vector<fettle::balancer::Exchange*> exchanges;
    for (int round = 0; round < 2; ++round) {
        for (std::size_t bytes = 0; bytes < 8 * ExchangePool::kMostRecordBytes; bytes += 60'000) {
            exchanges.push_back(&pool.take());
            (void)exchanges.back()->record.resize(60'000);
        }
        for (auto* exchange : exchanges) {
            pool.release_if_ended(*exchange);
        }
        exchanges.clear();

        CHECK(pool.record_bytes() <= ExchangePool::kMostRecordBytes);
        CHECK(pool.record_bytes() > ExchangePool::kMostRecordBytes / 2);
    }
}

TEST_CASE("requests through a worker's lane are served without an allocation", "[allocation]") {
    WorkersRig rig;
    WorkerEnd worker = rig.add_worker(1);
    Wire wire;
    WireClient client(wire);
    const bool streams = GENERATE(false, true);
    const auto serve = [&] {
        std::size_t counted = 0;
        std::array<fettle::balancer::Exchange*, kAtOnce> exchanges{};
        for (auto*& exchange : exchanges) {
            counted += count([&] { exchange = &rig.dispatch(client, "request", streams); });
        }
        std::size_t done = 0;
        for (int turn = 0; turn < 1000 && done < kAtOnce; ++turn) {
            if (streams) {
                for (auto* exchange : exchanges) {
                    if (exchange->key.sequence != 0 && exchange->body.received() == 0) {
                        counted += count([&] {
                            exchange->body.append("body");
                            exchange->body.finish();
                            rig.workers.body_progress(*exchange);
                        });
                    }
                }
            }
            while (const auto taken = worker.next()) {
                if (taken->text == "request") {
                    REQUIRE(worker.channel().claim(taken->key));
                    worker.head(taken->key, true);
                    ++done;
                }
            }
            counted += count([&] {
                (void)rig.workers.prepare_sleep();
                rig.workers.harvest();
            });
        }
        CHECK(done == kAtOnce);
        rig.let_go();
        return counted;
    };
    for (int round = 0; round < kWarmUp; ++round) {
        (void)serve();
    }

    CHECK(serve() == 0);
}
