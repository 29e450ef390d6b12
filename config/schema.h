// The configuration as plain structs whose initialisers are the defaults. Names are those of the TOML file:
// section.key. config/describe.h walks every field once with its documentation; loading, `config --show`, the reference
// and the JSON Schema come from it.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace fettle::config {

using Seconds = std::chrono::duration<double>;

inline constexpr int kMaxThreadsPerProcess = 128;  // with the spare lanes (a quarter) they fit ipc::kMaxLanes
inline constexpr int kMaxHttpThreads = 64;         // no more than ipc::kMaxThreads

enum class Mode { Processes };
enum class LogLevel { Debug, Info, Warning, Error };
enum class LogFormat { Text, Json };
enum class ForwardedHeaders { Off, XForwarded, Forwarded };
enum class ProxyProtocol { Off, Require };
enum class UnderscoreHeaders { Drop, Refuse };
enum class HalfClose { Cancel, Answer };

struct App {
    std::string target;  // MODULE[:ATTR]
    std::string chdir = ".";
    bool preload = true;
    std::vector<std::string> warmup;         // paths the zygote gets from the application before it forks
    std::map<std::string, std::string> env;  // added to the workers' environment
    std::string script_name;                 // where the application is mounted: empty or "/shop"
};

struct Listen {
    std::vector<std::string> bind{"127.0.0.1:8000"};  // HOST:PORT, [IPV6]:PORT, :PORT, unix:PATH
    int backlog = 2048;
};

struct Python {
    std::string gil;  // interpreter; empty: $VIRTUAL_ENV/bin/python, else python3 of PATH
};

struct Concurrency {
    Mode mode = Mode::Processes;
    int processes = 0;  // 0 = auto: the CPUs that are really available
    int threads = 1;    // slots per process
};

struct Http {
    bool keep_alive = true;
    int max_request_line = 8190;           // bytes
    int max_headers = 100;                 // count
    int max_header_bytes = 32768;          // all header lines together
    std::int64_t max_body_bytes = 0;       // 0: no limit
    int body_buffer_bytes = 65536;         // larger bodies spool to a file
    std::string spool_dir;                 // empty: $TMPDIR, else /tmp; never empty after resolve()
    bool stream_body = false;              // hand bodies over 64 KB to the application as they arrive
    std::string server_header = "fettle";  // empty: no Server header
    int max_connections = 10000;
    int threads = 0;  // of the balancer; 0 = auto: one for every four CPUs that are really available
    std::vector<std::string> trusted_proxies;  // addresses, networks, "unix"
    ForwardedHeaders forwarded = ForwardedHeaders::Off;
    ProxyProtocol proxy_protocol = ProxyProtocol::Off;
    UnderscoreHeaders underscore_headers = UnderscoreHeaders::Drop;
    HalfClose half_close = HalfClose::Cancel;
};

struct Queue {
    int max_length = 0;   // requests waiting for a slot; 0 = auto: max(1024, 4 x slots)
    Seconds timeout{30};  // how long one may wait before 503
};

struct Timeouts {
    Seconds start{60};       // from fork to ready
    Seconds graceful{30};    // for running requests at a stop
    Seconds term{5};         // for exit handlers after that
    Seconds header{30};      // for a complete request head
    Seconds body{30};        // between two pieces of a request body
    Seconds keep_alive{75};  // idle connection
    Seconds send{60};        // a client that takes no byte of its response
};

struct Recycle {
    std::int64_t max_requests = 0;         // 0: never
    std::int64_t max_requests_jitter = 0;  // +- requests
    Seconds max_lifetime{0};               // 0: never
    Seconds max_lifetime_jitter{0};        // +-
};

struct Restart {
    Seconds base_delay{0.1};
    Seconds max_delay{30};
    int start_attempts = 5;  // early deaths per seat at the first start before fettle gives up
};

struct Log {
    LogLevel level = LogLevel::Info;
    LogFormat format = LogFormat::Text;
    std::string file = "-";  // "-": standard error
    std::string access;      // "": none, "-": standard output, else a file
    std::string access_format = R"(%(h)s %(l)s %(u)s %(t)s "%(r)s" %(s)s %(b)s "%(f)s" "%(a)s")";  // or "json"
};

struct Config {
    App app;
    Listen listen;
    Python python;
    Concurrency concurrency;
    Http http;
    Queue queue;
    Timeouts timeouts;
    Recycle recycle;
    Restart restart;
    Log log;
};

}  // namespace fettle::config
