// Several balancer threads under load: what they share is the queue, the workers and the control side.
#include "tests/integration/balancer/harness.h"

#include <catch2/catch.hpp>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

using namespace fettle;
using namespace fettle::test;
using namespace std::chrono_literals;

namespace {

// Clients that ask for paths nobody else asks for, `depth` of them at a time, until it is destroyed.
class Load {
  public:
    Load(Balancer& balancer, unsigned clients, unsigned depth) {
        for (unsigned number = 0; number < clients; ++number) {
            threads_.emplace_back([this, &balancer, number, depth] { ask(balancer, number, depth); });
        }
    }

    ~Load() { stop(); }

    // The requests that were sent get their answers.
    void stop() {
        stop_ = true;
        for (std::thread& thread : threads_) {
            thread.join();
        }
        threads_.clear();
    }

    std::atomic<int> answered{0};
    std::atomic<int> refused{0};  // 502
    std::atomic<int> cut{0};      // the connection ended with requests unanswered
    std::atomic<int> wrong{0};    // somebody else's answer, or none of these

  private:
    void ask(Balancer& balancer, unsigned client, unsigned depth) {
        Client connection = balancer.connect();
        for (unsigned number = 0; !stop_; number += depth) {
            std::string requests;
            for (unsigned index = 0; index < depth; ++index) {
                requests += get(path(client, number + index));
            }
            connection.send(requests);
            for (unsigned index = 0; index < depth; ++index) {
                const Response response = connection.receive();
                if (response.status == 0) {
                    ++cut;
                    connection = balancer.connect();
                    break;
                }
                judge(response, path(client, number + index));
            }
        }
    }

    void judge(const Response& response, const std::string& path) {
        if (response.status == 200 && response.body == path) {
            ++answered;
        } else if (response.status == 502) {
            ++refused;
        } else {
            ++wrong;
        }
    }

    static std::string path(unsigned client, unsigned number) {
        return "/" + std::to_string(client) + "/" + std::to_string(number);
    }

    std::atomic<bool> stop_{false};
    std::vector<std::thread> threads_;
};

void echo_path(ManualWorker& self, const ManualWorker::Request& request) {
    self.respond(request, request.path);
}

}  // namespace

TEST_CASE("threads: a worker whose drain was reported is given no other request, by no thread", "[balancer][threads]") {
    constexpr std::uint32_t kSlots = 128;  // so that draining takes a while
    Balancer sut({}, 2);
    const auto other = sut.run_worker(echo_path);
    Load load(sut, 2, 50);

    for (int round = 0; round < 15; ++round) {
        std::atomic<int> begun{0};
        const std::unique_ptr<ManualWorker> leaving = sut.prepare(kSlots);
        const ipc::WorkerId id = leaving->id();
        sut.serve(*leaving);
        const std::jthread running([&](const std::stop_token& stop) {
            while (!stop.stop_requested()) {  // awake: a RunningWorker hears of requests to its first lane only
                if (leaving->has_request()) {
                    const ManualWorker::Request request = leaving->next();
                    if (leaving->claim(request)) {
                        ++begun;
                        echo_path(*leaving, request);
                    }
                }
            }
        });
        REQUIRE(wait_until([&] { return begun > 20; }));

        sut.drain(id);
        REQUIRE(sut.expect<ipc::WorkerDrained>().worker == id);

        const int begun_before_drained = begun;
        const int answered = load.answered;
        REQUIRE(wait_until([&] { return load.answered > answered + 100; }));
        REQUIRE(begun == begun_before_drained);
        sut.dead(id);
    }
    load.stop();
    CHECK(load.wrong + load.refused + load.cut == 0);
}

TEST_CASE("threads: a thread that is quiet twice does not make the balancer quiet", "[balancer][threads]") {
    Balancer sut({}, 2);
    const auto worker = sut.add_worker();
    // The control side's thread is busy, so that the other one's reports wait while a new stop begins.
    Client client = sut.connect_to_thread(0, *worker);
    client.send(get("/busy"));
    const auto busy = worker->take();

    for (int round = 0; round < 200; ++round) {
        for (int stop = 0; stop < 5; ++stop) {  // few enough for the socket
            sut.stop_accepting();
            sut.start_accepting();
        }
        sut.stop_accepting();
        sut.dead(sut.prepare()->id());  // both threads have answered what came before
    }
    CHECK(sut.skipped<ipc::Quiesced>() == 0);

    worker->respond(busy, "done");
    CHECK(client.receive().body == "done");
    sut.expect<ipc::Quiesced>();
}
