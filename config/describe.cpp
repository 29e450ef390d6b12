#include "config/describe.h"

#include "base/assert.h"
#include "config/checks.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

namespace fettle::config {
namespace {

template <class Enum>
constexpr std::span<const std::string_view> kNames{};  // in the order of the enumerators

constexpr std::array<std::string_view, 1> kModeNames{"processes"};
constexpr std::array<std::string_view, 4> kLogLevelNames{"debug", "info", "warning", "error"};
constexpr std::array<std::string_view, 2> kLogFormatNames{"text", "json"};
constexpr std::array<std::string_view, 3> kForwardedNames{"off", "x-forwarded", "forwarded"};
constexpr std::array<std::string_view, 2> kProxyProtocolNames{"off", "require"};
constexpr std::array<std::string_view, 2> kUnderscoreNames{"drop", "refuse"};
constexpr std::array<std::string_view, 2> kHalfCloseNames{"cancel", "answer"};
template <>
constexpr std::span<const std::string_view> kNames<Mode>{kModeNames};
template <>
constexpr std::span<const std::string_view> kNames<LogLevel>{kLogLevelNames};
template <>
constexpr std::span<const std::string_view> kNames<LogFormat>{kLogFormatNames};
template <>
constexpr std::span<const std::string_view> kNames<ForwardedHeaders>{kForwardedNames};
template <>
constexpr std::span<const std::string_view> kNames<ProxyProtocol>{kProxyProtocolNames};
template <>
constexpr std::span<const std::string_view> kNames<UnderscoreHeaders>{kUnderscoreNames};
template <>
constexpr std::span<const std::string_view> kNames<HalfClose>{kHalfCloseNames};

template <class Field>
Value to_value(const Field& field) {
    if constexpr (std::is_enum_v<Field>) {
        return std::string(kNames<Field>[static_cast<std::size_t>(field)]);
    } else if constexpr (std::is_same_v<Field, int>) {
        return std::int64_t{field};
    } else {
        return field;
    }
}

template <class Field>
void from_value(Field& field, const Value& value) {
    if constexpr (std::is_enum_v<Field>) {
        const auto names = kNames<Field>;
        const auto found = std::find(names.begin(), names.end(), std::get<std::string>(value));
        FETTLE_ASSERT(found != names.end(), "the value was not checked");
        field = static_cast<Field>(found - names.begin());
    } else if constexpr (std::is_same_v<Field, int>) {
        field = static_cast<int>(std::get<std::int64_t>(value));  // the range of every int setting fits
    } else {
        field = std::get<Field>(value);
    }
}

// The setting stored in config.*part.*field.
template <auto part, auto field>
Setting setting(std::string_view section, std::string_view key, Kind kind, std::string_view documentation,
                CommandLineFlag flag = {}, ForeignVariable foreign = {}) {
    return Setting{
            .section = section,
            .key = key,
            .kind = kind,
            .documentation = documentation,
            .get = [](const Config& config) { return to_value((config.*part).*field); },
            .set = [](Config& config, const Value& value) { from_value((config.*part).*field, value); },
            .flag = flag,
            .foreign = foreign,
    };
}

constexpr std::array kSections{
        Section{"app", "The application to run."},
        Section{"listen", "Where clients connect."},
        Section{"python", "The interpreters that may run the application."},
        Section{"concurrency", "How many requests run at the same time: processes × threads."},
        Section{"http",
                "What is accepted from clients, and its limits. A request beyond a limit is refused with the status "
                "named there."},
        Section{"queue", "Requests that wait because every thread of the application is busy."},
        Section{"timeouts", "How long each step may take."},
        Section{"recycle",
                "Replacing workers from time to time, as a remedy for applications that leak. The pool keeps serving: "
                "at most a quarter of the workers is replaced at the same time."},
        Section{"restart",
                "What happens when a worker dies early: before it was ready, or within a second after it without a "
                "completed response. A worker that dies later is replaced at once."},
        Section{"log",
                "What is written where. Logs never hold up requests: a disk or pipe that stalls costs log lines, which "
                "are counted."},
};

constexpr Seconds kDay{86400};
constexpr std::int64_t kTebibyte = std::int64_t{1} << 40;

// The table keeps a layout of its own: identity, kind, text, flag.
// clang-format off

std::vector<Setting> app_settings() {
    return {
        setting<&Config::app, &App::target>(
            "app", "target", TextKind{.check = check_target},
            "The application: a module as Python imports it and, after a colon, the name of the WSGI callable in "
            "it. Without a name, `application` is taken, else `app`. Required; `fettle run` takes it as its "
            "argument.",
            {.placeholder = "MODULE[:ATTR]"}),
        setting<&Config::app, &App::chdir>(
            "app", "chdir", TextKind{},
            "The working directory of the application, which is also the first entry of `sys.path`. A relative path "
            "starts where fettle was started.",
            {.name = "--chdir", .placeholder = "DIRECTORY"}),
        setting<&Config::app, &App::preload>(
            "app", "preload", FlagKind{},
            "Import the application once and fork the workers from that process: they start in milliseconds and "
            "share memory. Without it every worker imports the application by itself. An import that leaves threads "
            "behind turns it off by itself, with a line in the log.",
            {.name = "--no-preload", .help = "Every worker imports the application by itself."}),
        setting<&Config::app, &App::warmup>(
            "app", "warmup", TextListKind{.empty = Emptiness::Allowed, .check = check_warmup_path},
            "Paths that are requested from the application (`GET`, host `localhost`, `fettle.warmup` in the environ) "
            "after its import and before the workers are forked, with `app.preload` only. What it builds on first "
            "requests, as compiled templates, is then shared by all workers instead of built by each. Beware of what "
            "such a request leaves open: a connection to a database would be used by all workers at once. List only "
            "paths that close what they open, or close it in `os.register_at_fork(before=...)`. A path that fails is "
            "reported on standard error; the application is served all the same."),
        setting<&Config::app, &App::env>(
            "app", "env", TextMapKind{.check_key = check_variable_name},
            "Environment variables of the workers, added to those fettle was started with (and stronger). Written "
            "as a table: `env = { DJANGO_SETTINGS_MODULE = \"shop.settings\" }`."),
        setting<&Config::app, &App::script_name>(
            "app", "script_name", TextKind{.empty = Emptiness::Allowed, .check = check_script_name},
            "The path below which a proxy serves the application, as `/shop`: it becomes `SCRIPT_NAME` of every "
            "request and is cut from `PATH_INFO`, unless the proxy has cut it off already. Percent signs are not "
            "decoded here."),
    };
}

std::vector<Setting> listen_settings() {
    return {
        setting<&Config::listen, &Listen::bind>(
            "listen", "bind", TextListKind{.check = check_bind_address},
            "Addresses to listen on: `HOST:PORT`, `[IPV6]:PORT`, `:PORT` (every address of the machine) or "
            "`unix:PATH`. Port 0 lets the kernel choose; the log names the port. On the command line the flag is "
            "repeated for several addresses. `PORT=8080` stands for `0.0.0.0:8080`.",
            {.name = "--bind", .short_name = "-b", .placeholder = "ADDRESS"}, {.name = "PORT", .prefix = "0.0.0.0:"}),
        setting<&Config::listen, &Listen::backlog>(
            "listen", "backlog", IntegerKind{.min = 1, .max = 65535},
            "Connections the kernel keeps waiting until they are accepted; it never exceeds `net.core.somaxconn`."),
    };
}

std::vector<Setting> concurrency_settings() {
    return {
        setting<&Config::python, &Python::gil>(
            "python", "gil", TextKind{.empty = Emptiness::Allowed},
            "The interpreter with a global interpreter lock that runs the application: a path, or a name that is "
            "looked up in `PATH`. Empty: `$VIRTUAL_ENV/bin/python` if a virtual environment is active, else "
            "`python3` of `PATH`. Nothing has to be installed in its environment.",
            {.name = "--python", .placeholder = "PYTHON"}),
        setting<&Config::concurrency, &Concurrency::mode>(
            "concurrency", "mode", ChoiceKind{kNames<Mode>, "this version of fettle runs workers as processes only"},
            "How requests run side by side: `processes`, in worker processes with an interpreter each.",
            {.name = "--mode", .placeholder = "MODE"}),
        setting<&Config::concurrency, &Concurrency::processes>(
            "concurrency", "processes", IntegerKind{.min = 1, .max = 1024, .automatic = Automatic::Yes},
            "Number of worker processes, or `auto`: one per CPU that is really available. That is the smaller of the "
            "CPU affinity and the cgroup's quota; the log tells how it was found.",
            {.name = "--processes", .short_name = "-w", .placeholder = "N"}, {.name = "WEB_CONCURRENCY"}),
        setting<&Config::concurrency, &Concurrency::threads>(
            "concurrency", "threads", IntegerKind{.min = 1, .max = kMaxThreadsPerProcess},
            "Threads that run requests in each worker process. More than one needs an application that is safe with "
            "threads.",
            {.name = "--threads", .placeholder = "N"}),
    };
}

std::vector<Setting> http_settings() {
    return {
        setting<&Config::http, &Http::keep_alive>(
            "http", "keep_alive", FlagKind{},
            "Let a client send further requests on its connection."),
        setting<&Config::http, &Http::max_request_line>(
            "http", "max_request_line", IntegerKind{.min = 128, .max = 16384, .unit = Unit::Bytes},
            "Longest request line (method, target and version). Beyond it: 414."),
        setting<&Config::http, &Http::max_headers>(
            "http", "max_headers", IntegerKind{.min = 1, .max = 1000},
            "Most header lines of one request. Beyond it: 431."),
        setting<&Config::http, &Http::max_header_bytes>(
            "http", "max_header_bytes", IntegerKind{.min = 256, .max = 65536, .unit = Unit::Bytes},
            "All header lines of one request together. Beyond it: 431."),
        setting<&Config::http, &Http::max_body_bytes>(
            "http", "max_body_bytes", IntegerKind{.min = 0, .max = kTebibyte, .unit = Unit::Bytes},
            "Largest request body. Beyond it: 413. 0: no limit."),
        setting<&Config::http, &Http::body_buffer_bytes>(
            "http", "body_buffer_bytes", IntegerKind{.min = 0, .max = 131072, .unit = Unit::Bytes},
            "Request bodies up to this size wait in memory until they are complete; larger ones in an unnamed file "
            "in `http.spool_dir`. The application sees the request when its body is complete, so a slow upload "
            "occupies no thread. Clients that send `Expect: 100-continue` and wait are the exception: the application "
            "decides whether their bodies are sent at all, so it sees their requests at once."),
        setting<&Config::http, &Http::spool_dir>(
            "http", "spool_dir", TextKind{.empty = Emptiness::Allowed},
            "Directory of those files. Empty: `$TMPDIR`, else `/tmp`."),
        setting<&Config::http, &Http::stream_body>(
            "http", "stream_body", FlagKind{},
            "Hand bodies larger than `http.body_buffer_bytes`, and those without a declared length, to the "
            "application while they arrive, instead of using a file. The application's thread then waits for the client."),
        setting<&Config::http, &Http::server_header>(
            "http", "server_header", TextKind{.empty = Emptiness::Allowed, .check = check_header_value},
            "Value of the `Server` header of responses. Empty: no such header."),
        setting<&Config::http, &Http::max_connections>(
            "http", "max_connections", IntegerKind{.min = 1, .max = 1000000},
            "Most client connections at the same time. Further ones wait in the kernel's backlog."),
        setting<&Config::http, &Http::threads>(
            "http", "threads", IntegerKind{.min = 1, .max = kMaxHttpThreads, .automatic = Automatic::Yes},
            "Threads of the balancer, which speaks HTTP for all workers; each has its own connections. `auto`: one for "
            "every four CPUs that are really available, rounded up. One thread serves many thousand requests per "
            "second; each further one takes CPU from the workers, and memory for its own channels to each of them."),
    };
}

std::vector<Setting> http_peer_settings() {
    return {
        setting<&Config::http, &Http::trusted_proxies>(
            "http", "trusted_proxies", TextListKind{.empty = Emptiness::Allowed, .check = check_trusted_peer},
            "The proxies in front that may speak for their clients: addresses (`192.0.2.7`), networks "
            "(`10.0.0.0/8`, `2001:db8::/32`), and `unix` for whoever connects to a Unix socket. They are believed what "
            "`http.forwarded` and `http.proxy_protocol` name, and nobody else is. List every proxy of a chain, and only "
            "proxies that set or extend these headers themselves."),
        setting<&Config::http, &Http::forwarded>(
            "http", "forwarded", ChoiceKind{kNames<ForwardedHeaders>, {}},
            "The headers by which a trusted proxy tells about its client. `x-forwarded`: `X-Forwarded-For`, `-Proto`, "
            "`-Host` and `-Port`. `forwarded`: `Forwarded` (RFC 7239). The client is the last address from the right that "
            "is no trusted proxy; it becomes `REMOTE_ADDR` and the access log's client. The scheme becomes "
            "`wsgi.url_scheme`, the host `HTTP_HOST`, and `SERVER_NAME` and `SERVER_PORT` follow them. What the "
            "application gets: the named headers of trusted proxies as they came, none of the other family, and none of "
            "either from anybody else. A malformed one of a trusted proxy: 400. `off`: none of them is read or removed; an "
            "application that reads them itself must know who sent them."),
        setting<&Config::http, &Http::proxy_protocol>(
            "http", "proxy_protocol", ChoiceKind{kNames<ProxyProtocol>, {}},
            "`require`: every connection begins with a header of the PROXY protocol, version 1 or 2, that names the "
            "client; it must come from one of `http.trusted_proxies` and within `timeouts.header`. Connections without it, "
            "or of somebody else, are closed, with a line in the log."),
        setting<&Config::http, &Http::underscore_headers>(
            "http", "underscore_headers", ChoiceKind{kNames<UnderscoreHeaders>, {}},
            "What happens to a request header with an underscore in its name, which an application could not tell from "
            "one with a dash (`X_User` and `X-User` are both `HTTP_X_USER`). `drop`: the application does not see the "
            "header; the log says so. `refuse`: 400."),
        setting<&Config::http, &Http::half_close>(
            "http", "half_close", ChoiceKind{kNames<HalfClose>, {}},
            "What it means that a client closes its side while its request waits or runs; TCP does not tell a client that "
            "left from one that only has nothing more to send (`nc -N`). `cancel`: it left. Its request is taken back from "
            "the queue, and a running application learns of it with the next piece it sends. `answer`: it waits for its "
            "answers; requests of clients that left then run as well, unless the connection is reset."),
    };
}

std::vector<Setting> queue_and_timeout_settings() {
    const DurationKind step{.min = Seconds{0.001}, .max = kDay};
    return {
        setting<&Config::queue, &Queue::max_length>(
            "queue", "max_length", IntegerKind{.min = 1, .max = 1000000, .automatic = Automatic::Yes},
            "Most requests that may wait. Beyond it: 503 with `Retry-After`. `auto`: 4 for each thread of the "
            "pool, at least 1024."),
        setting<&Config::queue, &Queue::timeout>(
            "queue", "timeout", step,
            "Longest wait of one request. After it: 503 with `Retry-After`."),
        setting<&Config::timeouts, &Timeouts::start>(
            "timeouts", "start", step,
            "For a worker to become ready, the import of the application included. A worker that takes longer is "
            "killed and counts as an early death."),
        setting<&Config::timeouts, &Timeouts::graceful>(
            "timeouts", "graceful", DurationKind{.min = Seconds{0}, .max = kDay},
            "For running requests to finish when fettle or a worker stops."),
        setting<&Config::timeouts, &Timeouts::term>(
            "timeouts", "term", DurationKind{.min = Seconds{0}, .max = kDay},
            "For a stopping worker's exit handlers, after its requests have ended. Then it is killed."),
        setting<&Config::timeouts, &Timeouts::header>(
            "timeouts", "header", step,
            "For a complete request head, from its first byte. After it: 408."),
        setting<&Config::timeouts, &Timeouts::body>(
            "timeouts", "body", step,
            "Between two pieces of a request body. After it: 408."),
        setting<&Config::timeouts, &Timeouts::keep_alive>(
            "timeouts", "keep_alive", step,
            "For the next request on an idle connection. After it the connection is closed."),
        setting<&Config::timeouts, &Timeouts::send>(
            "timeouts", "send", step,
            "For a client to take some of its response. After it the connection is closed; slow but moving clients "
            "are served."),
    };
}

std::vector<Setting> recycle_and_restart_settings() {
    constexpr std::int64_t kMaxRequests = 1'000'000'000'000;
    const DurationKind lifetime{.min = Seconds{0}, .max = 366 * kDay};
    const DurationKind delay{.min = Seconds{0.001}, .max = kDay};
    return {
        setting<&Config::recycle, &Recycle::max_requests>(
            "recycle", "max_requests", IntegerKind{.min = 0, .max = kMaxRequests},
            "Replace a worker after it was given this many requests; 0: never.",
            {.name = "--max-requests", .placeholder = "N"}),
        setting<&Config::recycle, &Recycle::max_requests_jitter>(
            "recycle", "max_requests_jitter", IntegerKind{.min = 0, .max = kMaxRequests},
            "Each worker's number is `max_requests` plus or minus a random part of this, so that they are not "
            "replaced together."),
        setting<&Config::recycle, &Recycle::max_lifetime>(
            "recycle", "max_lifetime", lifetime,
            "Replace a worker after this time. 0: never."),
        setting<&Config::recycle, &Recycle::max_lifetime_jitter>(
            "recycle", "max_lifetime_jitter", lifetime,
            "Each worker's time is `max_lifetime` plus or minus a random part of this."),
        setting<&Config::restart, &Restart::base_delay>(
            "restart", "base_delay", delay,
            "Wait before the restart after one early death. It doubles with each further one in a row; each wait is "
            "spread by a random factor from 0.5 to 1.5."),
        setting<&Config::restart, &Restart::max_delay>(
            "restart", "max_delay", delay,
            "Longest wait before the random factor."),
        setting<&Config::restart, &Restart::start_attempts>(
            "restart", "start_attempts", IntegerKind{.min = 1, .max = 1000},
            "At the first start, fettle gives up with exit code 3 after this many early deaths of each worker, if "
            "none was ever ready. Later it never gives up."),
    };
}

std::vector<Setting> log_settings() {
    return {
        setting<&Config::log, &Log::level>(
            "log", "level", ChoiceKind{kNames<LogLevel>, {}},
            "Least important lines that are written: `debug`, `info`, `warning` or `error`.",
            {.name = "--log-level", .placeholder = "LEVEL"}),
        setting<&Config::log, &Log::format>(
            "log", "format", ChoiceKind{kNames<LogFormat>, {}},
            "`text`: a line for people with `key=value` fields. `json`: one object per line, the fields in its member "
            "`fields`; see docs/operations.md."),
        setting<&Config::log, &Log::file>(
            "log", "file", TextKind{},
            "Where the log goes: `-` for standard error, else a file."),
        setting<&Config::log, &Log::access>(
            "log", "access", TextKind{.empty = Emptiness::Allowed},
            "Where the access log goes, one line per response: `-` for standard output, else a file. Empty: none.",
            {.name = "--access-log", .placeholder = "FILE"}),
        setting<&Config::log, &Log::access_format>(
            "log", "access_format", TextKind{},
            "`json` for one object per line, else a text with Gunicorn's atoms; the default is Apache's combined "
            "format. `%(h)s` client address, `%(l)s` `-`, `%(u)s` user name, `%(t)s` time, `%(r)s` request line, "
            "`%(m)s` method, `%(U)s` path, `%(q)s` query, `%(H)s` protocol, `%(s)s` status, `%(B)s` body bytes sent, "
            "`%(b)s` the same with `-` for 0, `%(I)s` body bytes received, `%(f)s` referer, `%(a)s` user agent, "
            "`%(p)s` worker's pid, `%(T)s` `%(M)s` `%(D)s` `%(L)s` duration in seconds, milliseconds, microseconds "
            "and seconds with a fraction, `%({name}i)s` a request header, `%({name}o)s` a response header; and "
            "fettle's own: `%(id)s` request id, `%(seat)s` seat of the worker, `%(queue_ms)s` wait for a free "
            "thread, `%(app_ms)s` time in the application. `%%` is a percent sign."),
    };
}

// clang-format on

}  // namespace

std::string Setting::name() const {
    return std::string(section) + '.' + std::string(key);
}

std::string Setting::environment() const {
    if (std::holds_alternative<TextMapKind>(kind)) {
        return {};
    }
    std::string variable = "FETTLE_" + std::string(section) + '_' + std::string(key);
    std::transform(variable.begin(), variable.end(), variable.begin(),
                   [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    return variable;
}

std::span<const Section> sections() {
    return kSections;
}

std::span<const Setting> settings() {
    static const std::vector<Setting> all = [] {
        std::vector<Setting> list;
        for (auto part : {app_settings, listen_settings, concurrency_settings, http_settings, http_peer_settings,
                          queue_and_timeout_settings, recycle_and_restart_settings, log_settings}) {
            const std::vector<Setting> some = part();
            list.insert(list.end(), some.begin(), some.end());
        }
        return list;
    }();
    return all;
}

const Setting* find_setting(std::string_view section_and_key) {
    const auto all = settings();
    const auto found = std::find_if(all.begin(), all.end(),
                                    [&](const Setting& setting) { return setting.name() == section_and_key; });
    return found == all.end() ? nullptr : &*found;
}

}  // namespace fettle::config
