// A real balancer on its own threads, with the test in the place of the supervisor, of the workers and of the clients.
#pragma once

#include "base/fd.h"
#include "base/log.h"
#include "config/schema.h"
#include "ipc/control.h"
#include "ipc/request_record.h"
#include "ipc/worker_channel.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

namespace fettle::test {

inline constexpr std::chrono::seconds kPatience{
        20};  // for what must happen; generous because of sanitizers and busy machines

// Polls until the condition holds; false if it did not in time.
[[nodiscard]] bool wait_until(const std::function<bool()>& condition, std::chrono::milliseconds patience = kPatience);

// ---- the client

struct Response {
    int status = 0;
    std::string head;
    std::string body;
    std::map<std::string, std::string> headers;  // names in lower case
};

class Client {
  public:
    explicit Client(std::uint16_t port, int receive_buffer = 0);
    explicit Client(const std::string& unix_path);
    void send(std::string_view bytes);
    // As send(), but returns what the balancer took before it stopped reading for `pause`.
    [[nodiscard]] std::size_t send_until_stuck(std::string_view bytes, std::chrono::milliseconds pause);
    // The next complete response; status 0 if the connection ended or was reset before that.
    [[nodiscard]] Response receive(bool head_request = false);
    // The next bytes up to and including `end`; what there was if the connection ended.
    [[nodiscard]] std::string receive_until(std::string_view end);
    // Reads until the connection ends. True: in order; false: reset.
    [[nodiscard]] bool receive_to_end(std::string& bytes);
    // True if there is something to receive now.
    [[nodiscard]] bool readable() const;
    [[nodiscard]] bool ended();  // waits for the end of the connection, discarding bytes

    void close() { socket_.reset(); }

    void reset();           // closes with RST
    void finish_sending();  // closes its side only

  private:
    [[nodiscard]] bool fill();
    Fd socket_;
    std::string buffer_;
    bool was_reset_ = false;
};

[[nodiscard]] std::string get(std::string_view path, std::string_view more_headers = "");

// ---- the worker

// A worker whose every step is the test's. Used on one thread at a time.
class ManualWorker {
  public:
    ManualWorker(ipc::WorkerId id, ipc::ChannelFds fds, const ipc::WorkerPrepared& prepared);

    struct Request {
        ipc::RequestKey key;
        std::string method;
        std::string path;
        std::string query;
        std::map<std::string, std::string> headers;
        std::string body;  // inline part
        std::uint64_t body_length = 0;
        std::string client_address;
        int client_port = 0;
        std::string server_name;
        int server_port = 0;
        bool https = false;
        std::string request_id;
        bool whole = false;
        std::uint32_t lane = 0;
        std::uint32_t thread = 0;
    };

    [[nodiscard]] ipc::WorkerId id() const { return id_; }

    [[nodiscard]] ipc::WorkerLane& lane() { return set_->lane(lane_); }

    [[nodiscard]] ipc::WorkerChannel& channel() { return lane().channel(thread_); }

    // The lane and balancer thread that lane() and channel() are about; calls with a request set them.
    void use(std::uint32_t lane, std::uint32_t thread) { lane_ = lane, thread_ = thread; }

    // The lane takes requests from now on.
    void announce(std::uint32_t lane) { set_->lane(lane).announce(); }

    // Any thread: ends a sleep of the first lane.
    void wake() { set_->lane(0).wake(); }

    // The next request, popped but not claimed; fails the test after kPatience.
    [[nodiscard]] Request next();
    // True if a request is there (or comes within `patience`).
    [[nodiscard]] bool has_request(std::chrono::milliseconds patience = std::chrono::milliseconds(0));
    [[nodiscard]] bool claim(const Request& request);
    // The next request that was not revoked, claimed.
    [[nodiscard]] Request take();
    // The rest of the body, to its end; an Abort ends it with nullopt.
    [[nodiscard]] std::optional<std::string> read_body(const Request& request);

    std::uint64_t app_ns = 30'000;  // what the worker says its requests take: long enough for idle slots to be used

    void head(const Request& request, int status, const std::vector<std::pair<std::string, std::string>>& headers,
              std::string_view body, bool last);
    void respond(const Request& request, std::string_view body, std::string_view type = "text/plain");
    void body(const Request& request, std::string_view piece, bool last = false);
    // Publishes all of it under flow control. Stops early, and returns what was published, when `stop` says so.
    std::size_t stream(const Request& request, std::string_view bytes, const std::function<bool()>& stop = {});
    void publish(const Request& request, ipc::ResponseKind kind, bool last);

  private:
    // Lane, balancer thread and sequence.
    [[nodiscard]] static std::tuple<std::uint32_t, std::uint32_t, std::uint32_t> name(const Request& request) {
        return {request.lane, request.thread, request.key.sequence};
    }

    ipc::WorkerId id_;
    std::unique_ptr<ipc::WorkerChannelSet> set_;
    std::uint32_t lane_ = 0;
    std::uint32_t thread_ = 0;
    std::map<std::tuple<std::uint32_t, std::uint32_t, std::uint32_t>, std::uint64_t>
            published_;  // body bytes of what it runs
};

// Runs a ManualWorker on a thread of its own until stopped.
class RunningWorker {
  public:
    using Handler = std::function<void(ManualWorker&, const ManualWorker::Request&)>;
    RunningWorker(std::unique_ptr<ManualWorker> worker, Handler handler);
    ~RunningWorker();

    [[nodiscard]] int handled() const { return handled_; }

  private:
    std::unique_ptr<ManualWorker> worker_;
    std::atomic<bool> stop_{false};
    std::atomic<int> handled_{0};
    std::thread thread_;
};

// ---- the log

class CapturedLog final : public log::Sink, public log::LineSink {
  public:
    CapturedLog();
    ~CapturedLog() override;

    [[nodiscard]] bool enabled(log::Level) const override { return true; }

    void write(log::Level level, std::string_view line) override;
    void write(std::string_view access_line) override;
    // A line of the log (or of the access log) that contains `text`, waited for; empty if none came.
    [[nodiscard]] std::string line_with(std::string_view text);
    [[nodiscard]] std::string access_line_with(std::string_view text);

  private:
    [[nodiscard]] std::string find(const std::vector<std::string>& lines, std::string_view text);
    std::mutex mutex_;
    std::vector<std::string> lines_;
    std::vector<std::string> access_lines_;
};

// ---- the supervisor

class TemporaryDirectory {
  public:
    TemporaryDirectory();
    ~TemporaryDirectory();

    [[nodiscard]] const std::string& path() const { return path_; }

  private:
    std::string path_ = "/tmp/fettle-test-XXXXXX";
};

class Balancer {
  public:
    explicit Balancer(config::Config config = {}, unsigned threads = 1);
    ~Balancer();

    [[nodiscard]] std::uint16_t port() const { return port_; }

    [[nodiscard]] Client connect() { return Client(port_); }

    // A connection that the given balancer thread has accepted; the worker, the only one, answers a request on it.
    [[nodiscard]] Client connect_to_thread(unsigned thread, ManualWorker& worker);

    [[nodiscard]] Client connect_by_path() { return Client(unix_path_); }

    [[nodiscard]] const std::string& unix_path() const { return unix_path_; }

    CapturedLog& log() { return log_; }

    // A worker with its channels, not yet served. Its first `attached` lanes take requests.
    [[nodiscard]] std::unique_ptr<ManualWorker> prepare(std::uint32_t slots = 1, std::uint64_t quota = 0,
                                                        std::uint32_t attached = ipc::kMaxLanes);
    // Asks for channels that cannot be made: the answer is ProtocolViolation. Waits while the balancer is behind.
    void prepare_impossible(ipc::WorkerId id);
    void serve(const ManualWorker& worker);
    // prepare() and serve().
    [[nodiscard]] std::unique_ptr<ManualWorker> add_worker(std::uint32_t slots = 1, std::uint64_t quota = 0);
    [[nodiscard]] std::unique_ptr<RunningWorker> run_worker(RunningWorker::Handler handler);

    void drain(ipc::WorkerId id) { send(ipc::DrainWorker{.worker = id}); }

    void dead(ipc::WorkerId id) { send(ipc::WorkerDead{.worker = id}); }

    void stop_accepting() { send(ipc::StopAccepting{}); }

    void start_accepting() { send(ipc::StartAccepting{}); }

    // The next message of that type, waited for; others before it are dropped. Fails the test if it does not come.
    template <class Message>
    Message expect() {
        while (true) {
            ipc::Envelope envelope = next_message();
            if (const auto message = envelope.as<Message>()) {
                return *message;
            }
            skipped_.push_back(std::move(envelope));
        }
    }

    // How many messages of that type came while the test waited for others.
    template <class Message>
    [[nodiscard]] std::size_t skipped() const {
        const auto is_one = [](const ipc::Envelope& envelope) { return envelope.as<Message>().has_value(); };
        return static_cast<std::size_t>(std::count_if(skipped_.begin(), skipped_.end(), is_one));
    }

    // Closes the control socket and waits for the end of the balancer.
    void end();

  private:
    [[nodiscard]] ipc::Envelope next_message();

    template <class Message>
    void send(const Message& message) {
        sent_ = static_cast<bool>(control_.send(message)) && sent_;
    }

    CapturedLog log_;
    TemporaryDirectory directory_;
    std::string unix_path_ = directory_.path() + "/socket";
    ipc::ControlSocket control_;
    std::vector<ipc::Envelope> skipped_;
    std::thread thread_;
    std::uint16_t port_ = 0;
    std::uint32_t next_incarnation_ = 1;
    bool sent_ = true;
};

}  // namespace fettle::test
