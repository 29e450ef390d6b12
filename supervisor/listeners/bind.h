// Binds the listening sockets. The supervisor owns them for its whole life; the balancer gets copies, so that its death
// loses no connection that waits in a backlog.
//
// TCP:  SO_REUSEADDR, no SO_REUSEPORT (a socket that is kept open and no longer accepted would strand clients). `[::]`
//       takes IPv6 only, so that `0.0.0.0` can be bound beside it; an empty host takes both. A host name is resolved,
//       which may wait for a name server, once, before anything runs; its first address is taken, IPv4 first.
// Unix: a socket file that nobody listens on any more is replaced; ours is removed at the end, if it is still ours. Its
//       mode is 0666 whatever the umask: whoever may enter the directory may connect.
#pragma once

#include "base/fd.h"
#include "base/result.h"
#include "config/bind_address.h"
#include "config/schema.h"

#include <sys/types.h>

#include <string>
#include <vector>

namespace fettle::supervisor {

// A listening socket, non-blocking and close-on-exec.
class Listener {
  public:
    // An Error names the address, what is wrong and what to do (ExitCode::Bind).
    [[nodiscard]] static Result<Listener> bind(const config::BindAddress& address, int backlog);

    Listener(Listener&& other) noexcept;
    Listener& operator=(Listener&&) = delete;
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;
    ~Listener();

    [[nodiscard]] int fd() const { return fd_.get(); }

    // Where clients find it: "http://127.0.0.1:8000" with the real port, or "unix:/run/shop.sock".
    [[nodiscard]] const std::string& url() const { return url_; }

  private:
    explicit Listener(Fd fd) : fd_(std::move(fd)) {}

    [[nodiscard]] static Result<Listener> bind_tcp(const config::BindAddress& address, int backlog);
    [[nodiscard]] static Result<Listener> bind_unix(const config::BindAddress& address, int backlog);

    Fd fd_;
    std::string url_;
    std::string path_;  // of a Unix socket: to be removed
    dev_t device_ = 0;
    ino_t inode_ = 0;
};

// Every address of `listen`, or the Error of the first that fails; then none stays bound.
[[nodiscard]] Result<std::vector<Listener>> bind_all(const config::Listen& listen);

}  // namespace fettle::supervisor
