// usage: pace PORT PATH RATE CONNECTIONS SECONDS
//
// GET requests at a constant rate, whatever the server does: request n is due at start + n / RATE and goes out on the
// first free connection; while none is free it waits. Its latency counts from the moment it was due, so time that a
// slow server made it wait is not left out (no coordinated omission). A connection that the server closed is opened
// again, within the latency of the request that needs it. Prints one line of JSON; percentiles are of all requests, not
// of a sample.

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::duration;
using std::chrono::seconds;

constexpr seconds kPatience{5};  // for answers after the last request was due

struct Connection {
    int fd = -1;  // -1: to be opened by the next request
    Clock::time_point due;
    std::string head;      // what has come of it
    size_t body_left = 0;  // once the head is complete
    bool head_done = false;
    bool good = false;  // the status is 200
    bool close_after = false;
};

constexpr const char* kContentLength = "\r\nContent-Length:";

class Pace {
  public:
    Pace(uint16_t port, const std::string& path, double rate, size_t connections, double length)
        : request_("GET " + path + " HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: pace\r\n\r\n"),
          interval_(1 / rate),
          total_(static_cast<size_t>(rate * length)),
          connections_(connections) {
        address_.sin_family = AF_INET;
        address_.sin_port = htons(port);
        address_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        latencies_.reserve(total_);
        for (size_t i = 0; i < connections; ++i) {
            idle_.push_back(i);
        }
    }

    // The loop never sleeps: a timer of the kernel would be late by more than many a response takes.
    void run() {
        start_ = Clock::now();
        const auto end = due(total_) + kPatience;
        while (latencies_.size() + failed_ < total_ && Clock::now() < end) {
            send_what_is_due();
            receive();
        }
        elapsed_ = duration<double>(Clock::now() - start_).count();
    }

    void report() {
        std::sort(latencies_.begin(), latencies_.end());
        printf("{\"requests\": %zu, \"completed\": %zu, \"failed\": %zu, \"opened\": %zu, \"elapsed_s\": %.3f, "
               "\"late_ms\": %.3f, \"p50_ms\": %.4f, \"p99_ms\": %.4f, \"p999_ms\": %.4f, \"max_ms\": %.4f}\n",
               total_, latencies_.size(), total_ - latencies_.size(), opened_, elapsed_, longest_turn_ * 1e3,
               percentile(0.5), percentile(0.99), percentile(0.999), percentile(1));
    }

  private:
    Clock::time_point due(size_t number) const {
        return start_ + std::chrono::duration_cast<Clock::duration>(interval_ * static_cast<double>(number));
    }

    void send_what_is_due() {
        const auto now = Clock::now();
        if (last_turn_ != Clock::time_point{}) {
            longest_turn_ = std::max(longest_turn_, duration<double>(now - last_turn_).count());
        }
        last_turn_ = now;
        while (sent_ < total_ && !idle_.empty() && due(sent_) <= now) {
            const size_t index = idle_.front();
            idle_.pop_front();
            Connection& connection = connections_[index];
            connection.due = due(sent_++);
            if (connection.fd < 0 && !open(connection, index)) {
                fail(index);
            } else if (send(connection.fd, request_.data(), request_.size(), MSG_NOSIGNAL) < 0) {
                again(connection, index);
            }
        }
    }

    // The server had closed the kept connection: once more on a new one.
    void again(Connection& connection, size_t index) {
        close(connection.fd);
        if (!open(connection, index) || send(connection.fd, request_.data(), request_.size(), MSG_NOSIGNAL) < 0) {
            fail(index);
        }
    }

    bool open(Connection& connection, size_t index) {
        connection.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        const int on = 1;
        setsockopt(connection.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        if (connect(connection.fd, reinterpret_cast<sockaddr*>(&address_), sizeof address_) != 0) {
            return false;
        }
        epoll_event event{.events = EPOLLIN, .data = {.u64 = index}};
        epoll_ctl(epoll_, EPOLL_CTL_ADD, connection.fd, &event);
        ++opened_;
        return true;
    }

    void receive() {
        epoll_event events[64];
        const int count = epoll_wait(epoll_, events, 64, 0);
        for (int i = 0; i < count; ++i) {
            const size_t index = events[i].data.u64;
            const ssize_t size = recv(connections_[index].fd, buffer_, sizeof buffer_, 0);
            if (size > 0) {
                take(connections_[index], index, std::string_view(buffer_, static_cast<size_t>(size)));
            } else {
                ended(connections_[index], index);
            }
        }
    }

    void take(Connection& connection, size_t index, std::string_view data) {
        if (!connection.head_done) {
            const size_t before = connection.head.size();
            connection.head.append(data);
            const size_t end = connection.head.find("\r\n\r\n");
            if (end == std::string::npos) {
                return;
            }
            data.remove_prefix(end + 4 - before);
            connection.head.resize(end + 2);
            begin_body(connection);
        }
        connection.body_left -= std::min(connection.body_left, data.size());
        if (connection.body_left == 0) {
            completed(connection, index);
        }
    }

    void begin_body(Connection& connection) {
        const char* field = strcasestr(connection.head.c_str(), kContentLength);
        connection.body_left = field != nullptr ? strtoul(field + strlen(kContentLength), nullptr, 10) : 0;
        connection.close_after = strcasestr(connection.head.c_str(), "\r\nConnection: close\r\n") != nullptr;
        connection.good = connection.head.starts_with("HTTP/1.1 200");
        connection.head_done = true;
    }

    void completed(Connection& connection, size_t index) {
        if (connection.good) {
            latencies_.push_back(duration<double, std::milli>(Clock::now() - connection.due).count());
        } else {
            ++failed_;
        }
        release(connection, index, connection.close_after);
    }

    // The end of an idle connection is the server's right; that of a busy one loses the request.
    void ended(Connection& connection, size_t index) {
        const bool idle = std::find(idle_.begin(), idle_.end(), index) != idle_.end();
        close(connection.fd);
        connection.fd = -1;
        if (!idle) {
            fail(index);
        }
    }

    void fail(size_t index) {
        ++failed_;
        release(connections_[index], index, true);
    }

    void release(Connection& connection, size_t index, bool closed) {
        if (closed && connection.fd >= 0) {
            close(connection.fd);
            connection.fd = -1;
        }
        connection.head.clear();
        connection.head_done = connection.close_after = false;
        idle_.push_back(index);
    }

    double percentile(double fraction) const {
        if (latencies_.empty()) {
            return 0;
        }
        const auto rank = static_cast<size_t>(fraction * static_cast<double>(latencies_.size()));
        return latencies_[std::min(rank, latencies_.size() - 1)];
    }

    const std::string request_;
    const duration<double> interval_;
    const size_t total_;
    const int epoll_ = epoll_create1(EPOLL_CLOEXEC);
    sockaddr_in address_{};
    std::vector<Connection> connections_;
    std::deque<size_t> idle_;        // the one that has rested longest comes first
    std::vector<double> latencies_;  // milliseconds
    Clock::time_point start_;
    Clock::time_point last_turn_{};
    double longest_turn_ = 0;  // seconds this program itself did not run or was busy: its own error
    double elapsed_ = 0;
    size_t sent_ = 0;
    size_t failed_ = 0;
    size_t opened_ = 0;
    char buffer_[262144];
};

}  // namespace

int main(int count, char** arguments) {
    if (count != 6) {
        return 2;
    }
    Pace pace(static_cast<uint16_t>(atoi(arguments[1])), arguments[2], atof(arguments[3]),
              static_cast<size_t>(atoi(arguments[4])), atof(arguments[5]));
    pace.run();
    pace.report();
}
