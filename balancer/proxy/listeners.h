// The listening sockets as one balancer thread polls them. The sockets belong to the supervisor and are shared with the
// other threads. Used on the thread's loop.
#pragma once

#include "balancer/proxy/address.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/result.h"
#include "loop/loop.h"

#include <cstddef>
#include <functional>
#include <list>
#include <optional>
#include <string_view>
#include <vector>

namespace fettle::balancer {

class Listeners {
  public:
    struct Setup {
        loop::Loop& loop;
        const Clock& clock;
        // A new connection; `server` lives as long as the listeners.
        std::function<void(Fd socket, Address client, const Address& server)> on_connection;
        std::function<std::size_t()> connections;  // how many there are now
        std::size_t max_connections = 0;
        unsigned threads = 1;  // that poll the same sockets
    };

    explicit Listeners(Setup setup);

    // `socket` must stay open as long as the listeners live.
    Result<void> add(int socket);

    void start();
    // Accepts what waits in the backlogs, then nothing more.
    void stop();
    // Call it when connections may have ended: accepts again if it paused because there were too many.
    void reconsider();

  private:
    struct Listener {
        int socket = -1;
        Address address;
        std::optional<loop::Poll> poll;
    };

    enum class Accepted { One, None, Failed };

    void on_ready(Listener& listener);
    void on_error(const Listener& listener);
    [[nodiscard]] Accepted accept_one(Listener& listener);
    void pause(std::string_view reason);
    void set_interest(loop::Interest interest);

    [[nodiscard]] bool full() const { return setup_.connections() >= setup_.max_connections; }

    Setup setup_;
    std::list<Listener> listeners_;  // a list: connections refer to the addresses
    loop::Timer retry_;
    std::optional<TimePoint> last_complaint_;
    bool accepting_ = false;
    bool paused_ = false;
};

}  // namespace fettle::balancer
