// Lane: one thread's end of one lane of a worker. It pushes requests and their bodies into the channel as room allows,
// and knows which exchange each key belongs to.
//
// Used on its thread. The worker is trusted in nothing: see ipc/balancer_channel.h.
#pragma once

#include "balancer/proxy/exchange.h"
#include "balancer/proxy/worker.h"
#include "ipc/balancer_channel.h"

#include <cstdint>
#include <vector>

namespace fettle::balancer {

class Link;

class Lane {
  public:
    Lane(Link& link, Worker& worker, unsigned thread, std::uint32_t index);
    Lane(const Lane&) = delete;
    Lane& operator=(const Lane&) = delete;
    ~Lane() = default;

    [[nodiscard]] Link& link() { return link_; }

    [[nodiscard]] ipc::BalancerChannel& channel() { return channel_; }

    // ---- exchanges

    // Gives the exchange to the lane: it is pushed as soon as there is room.
    void submit(Exchange& exchange);
    // The exchange of a key; nullptr: it was taken back, or never was ours.
    [[nodiscard]] Exchange* find(ipc::RequestKey key) const;
    // The lane has nothing to do with the exchange any more.
    void forget(Exchange& exchange);
    // Every exchange of the lane, in no order.
    [[nodiscard]] std::vector<Exchange*> exchanges() const;

    // True if the worker will certainly not run the request, which is then forgotten. One whose client has left stays:
    // its worker was told already.
    [[nodiscard]] bool take_back(Exchange& exchange);
    // As take_back() for a client that left; if it is too late, what is left of the request's body is not sent.
    [[nodiscard]] bool give_up(Exchange& exchange);

    // ---- flow

    // Pushes what there is room for. The clients concerned hear of it; the worker only with the next
    // ring_if_pushed().
    void pump();
    // Wakes the worker if it sleeps and something was pushed since the last call.
    void ring_if_pushed();
    // As ring_if_pushed(), unless the worker could only begin in our place: then it is to be rung once we are through.
    void ring_if_pushed_elsewhere();
    // Grants the worker more response, as the client's progress allows; wakes it if it waits for that.
    void update_credit(Exchange& exchange);
    // Wakes the worker if it waits for room in the response ring.
    void ring_if_blocked();

    // True if anything may come of the worker, or is to go to it.
    [[nodiscard]] bool busy() const { return channel_.in_flight() > 0 || !senders_.empty(); }

    // True if something waits for the worker to take more.
    [[nodiscard]] bool wants_room() const;
    // True if harvesting or pumping would find something to do.
    [[nodiscard]] bool has_news();

    bool in_busy_list = false;  // of Workers

  private:
    enum class Push { Done, NoData, NoRoom };
    [[nodiscard]] Push push(Exchange& exchange);
    [[nodiscard]] Push push_record(Exchange& exchange);
    [[nodiscard]] Push push_body(Exchange& exchange);
    void pump_once();
    [[nodiscard]] bool raise_credit(Exchange& exchange);

    // An exchange whose client is to hear something once the senders are not walked through any more.
    struct Notice {
        ipc::RequestKey key;
        bool failed;  // its body cannot be read; otherwise: some of it is gone
    };

    Link& link_;
    Worker& worker_;
    ipc::BalancerChannel& channel_;
    std::uint32_t index_;
    std::vector<Exchange*> in_flight_;  // by index of the key
    std::vector<Exchange*> senders_;    // with something left to push, in order of submission
    std::vector<Notice> notices_;
    std::uint32_t wanted_ = 0;    // bytes the first blocked sender waits for
    bool wants_request_ = false;  // they are of a request's record, not of a body
    bool room_is_short_ = false;
    bool pushed_ = false;
    bool pumping_ = false;
    bool pump_again_ = false;
};

}  // namespace fettle::balancer
