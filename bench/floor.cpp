// usage: floor PORT
//
// The floor under every server: one epoll loop that answers the paths of bench/apps/compared.py with canned responses.
// What remains is the kernel's cost of a request. It believes every client: one request at a time per connection, heads
// of up to 16 KB, lower-case or conventionally written header names, no timeouts.

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace {

struct Connection {
    std::string input;
    std::string echo;          // owns the response of /echo while it is sent
    std::string_view output;   // what is left to send
    bool close_after = false;  // once the output is sent
    bool blocked = false;      // waits until the socket takes more

    void reset() {
        input.clear();
        output = {};
        close_after = blocked = false;
    }
};

std::string response(std::string_view body, bool close) {
    std::string text =
            "HTTP/1.1 200 OK\r\nServer: floor\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\n"
            "Content-Type: text/plain; charset=utf-8\r\n";
    if (close) {
        text += "Connection: close\r\n";
    }
    text += "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n";
    return text.append(body);
}

struct Canned {
    explicit Canned(const std::string& body) : kept(response(body, false)), closed(response(body, true)) {}

    std::string kept;
    std::string closed;
};

std::string digits(size_t count) {
    std::string text;
    while (text.size() < count) {
        text += "0123456789abcdef";
    }
    return text;
}

const Canned hello("Hello, world!");
const Canned ten_kilobytes(digits(10 * 1024));
const Canned megabyte(digits(1024 * 1024));

size_t content_length(std::string_view head) {
    for (std::string_view name : {"\r\nContent-Length:", "\r\ncontent-length:"}) {
        if (const size_t at = head.find(name); at != head.npos) {
            return strtoul(head.data() + at + name.size(), nullptr, 10);
        }
    }
    return 0;
}

// Prepares the output for the request at the beginning of the input; false if it is not complete yet.
bool answer(Connection& connection) {
    std::string_view input = connection.input;
    const size_t end = input.find("\r\n\r\n");
    if (end == input.npos) {
        return false;
    }
    const std::string_view head = input.substr(0, end + 2);
    const size_t size = end + 4 + (head.starts_with("POST") ? content_length(head) : 0);
    if (input.size() < size) {
        return false;
    }

    connection.close_after = head.find("\r\nConnection: close\r\n") != head.npos;
    const std::string_view path = head.substr(head.find(' ') + 1);
    if (path.starts_with("/echo ")) {
        connection.echo = response(input.substr(end + 4, size - end - 4), connection.close_after);
        connection.output = connection.echo;
    } else {
        const Canned& canned = path.starts_with("/10k ") ? ten_kilobytes : path.starts_with("/1m ") ? megabyte : hello;
        connection.output = connection.close_after ? canned.closed : canned.kept;
    }
    connection.input.erase(0, size);
    return true;
}

class Floor {
  public:
    explicit Floor(int listener) : epoll_(epoll_create1(EPOLL_CLOEXEC)), listener_(listener) {
        watch(EPOLL_CTL_ADD, listener_, EPOLLIN);
    }

    [[noreturn]] void run() {
        epoll_event events[256];
        while (true) {
            const int count = epoll_wait(epoll_, events, 256, -1);
            for (int i = 0; i < count; ++i) {
                const int fd = events[i].data.fd;
                if (fd == listener_) {
                    accept_all();
                } else if (!serve(fd, connections_[static_cast<size_t>(fd)])) {
                    close(fd);
                }
            }
        }
    }

  private:
    void accept_all() {
        int fd;
        while ((fd = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
            const int on = 1;
            setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
            const auto index = static_cast<size_t>(fd);
            if (connections_.size() <= index) {
                connections_.resize(index + 1);
            }
            connections_[index].reset();
            watch(EPOLL_CTL_ADD, fd, EPOLLIN);
        }
    }

    // Sends what is left, or reads and answers; false when the connection is to be closed.
    bool serve(int fd, Connection& connection) {
        if (connection.output.empty()) {
            char buffer[65536];
            const ssize_t received = recv(fd, buffer, sizeof buffer, 0);
            if (received <= 0) {
                return received < 0 && errno == EAGAIN;
            }
            connection.input.append(buffer, static_cast<size_t>(received));
        }
        while (!connection.output.empty() || answer(connection)) {
            const ssize_t sent = send(fd, connection.output.data(), connection.output.size(), MSG_NOSIGNAL);
            if (sent < 0 && errno != EAGAIN) {
                return false;
            }
            connection.output.remove_prefix(sent > 0 ? static_cast<size_t>(sent) : 0);
            const bool blocked = !connection.output.empty();
            if (blocked != connection.blocked) {
                connection.blocked = blocked;
                watch(EPOLL_CTL_MOD, fd, blocked ? EPOLLOUT : EPOLLIN);
            }
            if (blocked) {
                return true;
            }
            if (connection.close_after) {
                return false;
            }
        }
        return true;
    }

    void watch(int operation, int fd, uint32_t what) {
        epoll_event event{.events = what, .data = {.fd = fd}};
        epoll_ctl(epoll_, operation, fd, &event);
    }

    int epoll_;
    int listener_;
    std::vector<Connection> connections_;  // by descriptor; strings keep their memory for the next client
};

int listen_on(const char* port) {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(atoi(port)));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 || listen(fd, 1024) != 0) {
        perror("floor: listen");
        exit(1);
    }
    return fd;
}

}  // namespace

int main(int count, char** arguments) {
    if (count != 2) {
        return 2;
    }
    Floor(listen_on(arguments[1])).run();
}
