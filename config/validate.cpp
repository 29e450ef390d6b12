#include "config/validate.h"

#include "config/bind_address.h"
#include "config/value.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace fettle::config {
namespace {

class Validation {
  public:
    Validation(const Effective& effective, Problems& problems) : effective_(effective), problems_(problems) {}

    void target_is_given() {
        if (usable("app.target") && effective_.config.app.target.empty()) {
            complain("app.target",
                     "app.target is missing; give the application as MODULE[:ATTR], for example shop.wsgi");
        }
    }

    void addresses_differ() {
        if (!usable("listen.bind")) {
            return;
        }
        std::vector<BindAddress> seen;
        for (const std::string& text : effective_.config.listen.bind) {
            const auto address = parse_bind_address(text);
            if (!address) {
                continue;  // impossible: each was read by the same function
            }
            const bool chosen_by_kernel = address->kind == BindAddress::Tcp && address->port == 0;
            if (!chosen_by_kernel && std::find(seen.begin(), seen.end(), *address) != seen.end()) {
                complain("listen.bind",
                         fmt::format("listen.bind has {} twice; an address can be listened on once", excerpt(text)));
            }
            seen.push_back(*address);
        }
    }

    // Whom to trust and in what are two settings, so that nothing is believed by accident: one without the other is a
    // mistake.
    void trust_has_a_use() {
        if (!usable("http.trusted_proxies") || !usable("http.forwarded") || !usable("http.proxy_protocol")) {
            return;
        }
        const Http& http = effective_.config.http;
        const bool someone = !http.trusted_proxies.empty();
        const bool forwarded = http.forwarded != ForwardedHeaders::Off;
        const bool proxy_protocol = http.proxy_protocol != ProxyProtocol::Off;
        if (someone && !forwarded && !proxy_protocol) {
            complain("http.trusted_proxies",
                     "http.trusted_proxies has no effect while http.forwarded and http.proxy_protocol are \"off\"; set "
                     "the one your proxies use, or remove it");
        }
        for (const auto& [active, setting] :
             {std::pair(forwarded, "http.forwarded"), std::pair(proxy_protocol, "http.proxy_protocol")}) {
            if (active && !someone) {
                complain(setting, fmt::format("{} is {}, but nobody is trusted; list the proxies in "
                                              "http.trusted_proxies",
                                              setting, text(setting)));
            }
        }
    }

    // With `limit` 0 the smaller one has no effect.
    template <class Number>
    void not_above(std::string_view smaller, Number value, std::string_view larger, Number limit) {
        if (usable(smaller) && usable(larger) && limit > Number{0} && value > limit) {
            const Origin one = effective_.origin_of(smaller);
            const Origin other = effective_.origin_of(larger);
            const Origin& stronger = one.kind < other.kind ? other : one;
            problems_.push_back({stronger, std::string(smaller),
                                 fmt::format("{} is {}; expected at most {}, which is {}", smaller, text(smaller),
                                             larger, text(larger))});
        }
    }

  private:
    [[nodiscard]] bool usable(std::string_view setting) const { return !is_refused(problems_, setting); }

    [[nodiscard]] std::string text(std::string_view name) const {
        const Setting* setting = find_setting(name);
        return setting == nullptr ? std::string() : to_toml(*setting, setting->get(effective_.config));
    }

    void complain(std::string_view setting, std::string what) {
        problems_.push_back({effective_.origin_of(setting), std::string(setting), std::move(what)});
    }

    const Effective& effective_;
    Problems& problems_;
};

}  // namespace

void validate(const Effective& effective, Purpose purpose, Problems& problems) {
    const Config& config = effective.config;
    Validation validation(effective, problems);
    if (purpose == Purpose::Serve) {
        validation.target_is_given();
    }
    validation.addresses_differ();
    validation.trust_has_a_use();
    validation.not_above("http.threads", config.http.threads, "http.max_connections", config.http.max_connections);
    validation.not_above("recycle.max_requests_jitter", config.recycle.max_requests_jitter, "recycle.max_requests",
                         config.recycle.max_requests);
    validation.not_above("recycle.max_lifetime_jitter", config.recycle.max_lifetime_jitter, "recycle.max_lifetime",
                         config.recycle.max_lifetime);
    validation.not_above("restart.base_delay", config.restart.base_delay, "restart.max_delay",
                         config.restart.max_delay);
}

}  // namespace fettle::config
