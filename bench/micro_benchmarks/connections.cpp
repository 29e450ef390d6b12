// The balancer's clients' side as it is (Clients, Connection, the loop), with a worker that answers at once behind
// dispatch(): a turn of the loop in which every connection has a request, per request. The connections are socket
// pairs, so recv() and sendmsg() are in the figure, at a third of what they cost over TCP.
#include "balancer/proxy/clients.h"
#include "base/assert.h"
#include "bench/micro_benchmarks/batch_timer.h"
#include "bench/micro_benchmarks/sample_requests.h"

#include <sys/socket.h>

#include <vector>

namespace fettle::micro {

namespace {

// Answers what was dispatched when it is told to.
class LaterDispatcher final : public balancer::Dispatcher {
  public:
    void dispatch(balancer::Exchange& exchange) override { waiting_.push_back(&exchange); }

    void body_progress(balancer::Exchange& /*exchange*/) override {}

    void client_took(balancer::Exchange& /*exchange*/) override {}

    void client_left(balancer::Exchange& /*exchange*/) override {}

    // Returns how many there were.
    std::size_t answer_all(std::span<const std::byte> response) {
        for (balancer::Exchange* exchange : waiting_) {
            FETTLE_ASSERT(exchange->client->on_head(*ipc::ResponseReader::parse(response), true), "a valid response");
        }
        const std::size_t count = waiting_.size();
        waiting_.clear();
        return count;
    }

  private:
    std::vector<balancer::Exchange*> waiting_;
};

class Rig {
  public:
    explicit Rig(std::uint32_t connections) {
        for (std::uint32_t count = 0; count < connections; ++count) {
            int pair[2];
            FETTLE_ASSERT(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) == 0,
                          "a socket pair can be made");
            browsers_.emplace_back(pair[0]);
            clients_.adopt(Fd(pair[1]), {.host = "127.0.0.1", .port = 50000}, server_);
        }
    }

    Rig(const Rig&) = delete;
    Rig& operator=(const Rig&) = delete;

    ~Rig() { clients_.close_all(); }

    void send(std::uint32_t index, std::string_view wire) {
        FETTLE_ASSERT(::send(browsers_[index].get(), wire.data(), wire.size(), 0) == static_cast<ssize_t>(wire.size()),
                      "a request fits the socket");
    }

    void receive(std::uint32_t index) {
        char bytes[64 * 1024];
        FETTLE_ASSERT(::recv(browsers_[index].get(), bytes, sizeof(bytes), 0) > 0, "a response is there");
    }

    // Reads the requests, answers them and writes the responses.
    void turn(std::span<const std::byte> response) {
        std::size_t answered = 0;
        loop::TurnHooks hooks(
                loop_,
                [&] {
                    answered += dispatcher_.answer_all(response);
                    clients_.end_turn();
                    if (answered == browsers_.size()) {
                        loop_.stop();
                    }
                    return answered < browsers_.size();
                },
                [] {});
        loop_.run();
    }

  private:
    const config::Config config_;
    const SteadyClock steady_;
    balancer::TurnClock clock_{steady_};
    const balancer::Address server_{.host = "127.0.0.1", .port = 8000};
    loop::Loop loop_;
    balancer::ExchangePool exchanges_;
    LaterDispatcher dispatcher_;
    balancer::Clients clients_{{.loop = loop_, .clock = clock_, .config = config_, .exchanges = exchanges_},
                               dispatcher_};
    std::vector<Fd> browsers_;
};

enum class Stage { Send, Turn, Receive };

void loop_turn(benchmark::State& state, std::uint32_t connections, std::string_view wire, std::size_t body_bytes) {
    Rig rig(connections);
    const std::vector<std::byte> response = make_response_record(one_header(), body_bytes);
    BatchTimer timer(state, Stage::Turn, connections);
    while (timer.next()) {
        timer.run(Stage::Send, [&](std::uint32_t index) { rig.send(index, wire); });
        timer.run(Stage::Turn, [&](std::uint32_t index) {
            if (index == 0) {
                rig.turn(response);  // of all of them
            }
        });
        timer.run(Stage::Receive, [&](std::uint32_t index) { rig.receive(index); });
    }
}

BENCHMARK_CAPTURE(loop_turn, named, 16, wrk_request(), 13)
        ->Name("connection/turn_of_16/wrk")
        ->Iterations(kCycles * 16)
        ->UseManualTime();
BENCHMARK_CAPTURE(loop_turn, named, 64, wrk_request(), 13)
        ->Name("connection/turn_of_64/wrk")
        ->Iterations(kCycles * 64)
        ->UseManualTime();
BENCHMARK_CAPTURE(loop_turn, named, 256, wrk_request(), 13)
        ->Name("connection/turn_of_256/wrk")
        ->Iterations(kCycles * 64)
        ->UseManualTime();
BENCHMARK_CAPTURE(loop_turn, named, 64, browser_request(), 13)
        ->Name("connection/turn_of_64/browser")
        ->Iterations(kCycles * 64)
        ->UseManualTime();
BENCHMARK_CAPTURE(loop_turn, named, 64, wrk_request(), 10240)
        ->Name("connection/turn_of_64/10KB")
        ->Iterations(kCycles * 64)
        ->UseManualTime();

}  // namespace

}  // namespace fettle::micro
