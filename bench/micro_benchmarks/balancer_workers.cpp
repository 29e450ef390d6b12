// The balancer's workers' side as it is (Workers, Lane, PoolQueue, BalancerChannel), between a client that writes heads
// into a buffer and a worker that answers at once: from a parsed request to the worker's ring, and back. No sockets.
#include "balancer/http/response_writer.h"
#include "balancer/proxy/workers.h"
#include "base/assert.h"
#include "bench/micro_benchmarks/batch_timer.h"
#include "bench/micro_benchmarks/channel_ends.h"
#include "bench/micro_benchmarks/sample_requests.h"

#include <deque>
#include <utility>

namespace fettle::micro {

namespace {

constexpr std::uint32_t kBatch = 32;

// What Connection::on_head() does, without the connection.
class Client final : public balancer::ExchangeClient {
  public:
    void on_continue() override {}

    [[nodiscard]] bool on_head(const ipc::ResponseReader& head, bool last) override {
        wire.clear();
        const auto start = http::write_response_head(
                head, last, {.date = "Sun, 06 Nov 1994 08:49:37 GMT", .server = "fettle", .keep_alive = true}, wire);
        FETTLE_ASSERT(start.has_value(), "the sample is a valid response");
        http::BodyFramer framer = start->framer;
        const http::FramedPiece piece = framer.frame(start->body, last);
        wire.append(reinterpret_cast<const char*>(piece.payload().data()), piece.payload().size());
        ++answers;
        return true;
    }

    void on_body(std::span<const std::byte> /*piece*/, bool /*last*/) override {}

    void on_failure(balancer::Failure /*failure*/, std::uint32_t /*retry_after*/) override {}

    void on_request_body_progress() override {}

    [[nodiscard]] std::size_t unsent() const override { return 0; }

    std::string wire;
    std::uint64_t answers = 0;
};

class Rig {
  public:
    Rig() : worker_(std::make_shared<balancer::Worker>()) {
        pool_.control = &events_;
        pool_.peers[0].mailbox = &commands_;
        worker_->id = {.seat = 0, .incarnation = 1};
        worker_->channels = std::move(ends_.balancer);
        balancer::WorkerSlot& slot = worker_->slots.emplace_back();
        slot.worker = worker_.get();
        ends_.lane().announce();
        workers_.attach(worker_);
        pool_.wake(pool_.queue.add_slot(slot, 0, clock_.now()));
        learn_service_time();
    }

    Rig(const Rig&) = delete;
    Rig& operator=(const Rig&) = delete;

    ~Rig() {
        for (balancer::WorkerSlot& slot : worker_->slots) {
            pool_.wake(pool_.queue.remove_slot(slot, 0, clock_.now()));
        }
        workers_.bury(worker_->id);
    }

    void dispatch(const http::RequestHead& head) {
        balancer::Exchange& exchange = exchanges_.take();
        exchange.client = &client_;
        exchange.body.finish();
        const std::uint32_t bytes = http::encoded_bytes(head, sample_context(), 0);
        (void)http::encode(exchange.record.resize(bytes), head, sample_context(), 0, 0);
        workers_.dispatch(exchange);
        running_.push_back(&exchange);
    }

    void answer(std::span<const std::byte> response) {
        const auto message = ends_.back().peek();
        FETTLE_ASSERT(message && ends_.back().claim(message->key), "a request is there");
        ends_.back().pop();
        publish_response(ends_.back(), message->key, response);
    }

    void harvest() { workers_.harvest(); }

    // The connections have written their log lines.
    void let_go() {
        balancer::Exchange& exchange = *running_.front();
        running_.pop_front();
        exchange.client = nullptr;
        exchanges_.release_if_ended(exchange);
    }

    [[nodiscard]] const Client& client() const { return client_; }

  private:
    // Without it nothing is prefetched.
    void learn_service_time() {
        http::RequestParser parser{config::Http{}};
        parse(parser, wrk_request());
        dispatch(parser.head());
        answer(make_response_record(one_header(), 13));
        harvest();
        let_go();
        FETTLE_ASSERT(pool_.queue.figures().prefetch >= kBatch, "a batch is prefetched");
    }

    loop::Loop loop_;
    SteadyClock clock_;
    ChannelEnds ends_;
    balancer::Mailbox<balancer::Event> events_{loop_, [] {}};
    balancer::Mailbox<balancer::Command> commands_{loop_, [] {}};
    balancer::Pool pool_{{.max_length = 1000}, 1};
    balancer::ExchangePool exchanges_;
    balancer::Workers workers_{{.loop = loop_, .clock = clock_, .pool = pool_, .exchanges = exchanges_}};
    std::shared_ptr<balancer::Worker> worker_;
    Client client_;
    std::deque<balancer::Exchange*> running_;
};

enum class Stage { Dispatch, Answer, Harvest, LetGo };

void workers_stage(benchmark::State& state, Stage measured, std::string_view wire, const Headers& headers) {
    Rig rig;
    http::RequestParser parser{config::Http{}};
    parse(parser, wire);
    const std::vector<std::byte> response = make_response_record(headers, 13);
    BatchTimer timer(state, measured, kBatch);
    while (timer.next()) {
        const std::uint64_t before = rig.client().answers;
        timer.run(Stage::Dispatch, [&](std::uint32_t /*index*/) { rig.dispatch(parser.head()); });
        timer.run(Stage::Answer, [&](std::uint32_t /*index*/) { rig.answer(response); });
        timer.run(Stage::Harvest, [&](std::uint32_t index) {
            if (index == 0) {
                rig.harvest();  // all of them
            }
        });
        FETTLE_ASSERT(rig.client().answers == before + kBatch, "every request is answered");
        timer.run(Stage::LetGo, [&](std::uint32_t /*index*/) { rig.let_go(); });
    }
}

BENCHMARK_CAPTURE(workers_stage, named, Stage::Dispatch, wrk_request(), one_header())
        ->Name("balancer/encode_and_dispatch/wrk")
        ->Iterations(kCycles* kBatch)
        ->UseManualTime();
BENCHMARK_CAPTURE(workers_stage, named, Stage::Dispatch, browser_request(), one_header())
        ->Name("balancer/encode_and_dispatch/browser")
        ->Iterations(kCycles* kBatch)
        ->UseManualTime();
BENCHMARK_CAPTURE(workers_stage, named, Stage::Harvest, wrk_request(), one_header())
        ->Name("balancer/harvest_and_write/1_header")
        ->Iterations(kCycles* kBatch)
        ->UseManualTime();
BENCHMARK_CAPTURE(workers_stage, named, Stage::Harvest, wrk_request(), six_headers())
        ->Name("balancer/harvest_and_write/6_headers")
        ->Iterations(kCycles* kBatch)
        ->UseManualTime();
BENCHMARK_CAPTURE(workers_stage, named, Stage::LetGo, wrk_request(), one_header())
        ->Name("balancer/release_exchange")
        ->Iterations(kCycles* kBatch)
        ->UseManualTime();

}  // namespace

}  // namespace fettle::micro
