#include "config/resolve.h"

#include "config/preflight.h"
#include "temporary_file.h"

#include <catch2/catch.hpp>

#include <unistd.h>

#include <string>
#include <utility>
#include <vector>

namespace fettle::config {
namespace {

Override flag(std::string_view setting, std::vector<std::string> values) {
    const Setting* found = find_setting(setting);
    REQUIRE(found != nullptr);
    return {found, "--flag", std::move(values)};
}

std::vector<std::string> messages(const Problems& problems) {
    std::vector<std::string> all;
    for (const Problem& problem : problems) {
        all.push_back(problem.message());
    }
    return all;
}

Resolution resolve_environment(Environment environment) {
    return resolve({.file = {}, .environment = std::move(environment), .command_line = {}}, Purpose::Show);
}

}  // namespace

TEST_CASE(
        "the command line is stronger than the environment, which is stronger than the file, which is stronger than "
        "the defaults",
        "[resolve]") {
    const TemporaryFile file("[http]\nmax_headers = 1\nmax_connections = 1\nbody_buffer_bytes = 1\n");
    const Sources sources{
            .file = file.path(),
            .environment = {{"FETTLE_HTTP_MAX_CONNECTIONS", "2"}, {"FETTLE_HTTP_BODY_BUFFER_BYTES", "2"}},
            .command_line = {flag("http.body_buffer_bytes", {"3"})},
    };

    const Resolution resolution = resolve(sources, Purpose::Show);

    CHECK(messages(resolution.problems).empty());
    const Effective& effective = resolution.effective;
    CHECK(effective.config.http.max_request_line == 8190);
    CHECK(to_string(effective.origin_of("http.max_request_line")) == "built-in");
    CHECK(effective.config.http.max_headers == 1);
    CHECK(to_string(effective.origin_of("http.max_headers")) == "file " + file.path() + ":2:15");
    CHECK(effective.config.http.max_connections == 2);
    CHECK(to_string(effective.origin_of("http.max_connections")) == "environment FETTLE_HTTP_MAX_CONNECTIONS");
    CHECK(effective.config.http.body_buffer_bytes == 3);
    CHECK(to_string(effective.origin_of("http.body_buffer_bytes")) == "command line --flag");
}

TEST_CASE("platforms set PORT and WEB_CONCURRENCY", "[resolve]") {
    const Resolution resolution = resolve_environment({{"PORT", "8080"}, {"WEB_CONCURRENCY", "3"}});

    CHECK(resolution.problems.empty());
    CHECK(resolution.effective.config.listen.bind == TextList{"0.0.0.0:8080"});
    CHECK(resolution.effective.origin_of("listen.bind") == Origin{Origin::Environment, "PORT"});
    CHECK(resolution.effective.config.concurrency.processes == 3);
    CHECK(resolution.effective.origin_of("concurrency.processes") == Origin{Origin::Environment, "WEB_CONCURRENCY"});
}

TEST_CASE("fettle's own variables are stronger than the platform's", "[resolve]") {
    const Resolution resolution = resolve_environment({{"PORT", "8080"},
                                                       {"FETTLE_LISTEN_BIND", ":90,unix:/run/shop.sock"},
                                                       {"WEB_CONCURRENCY", "not even read"},
                                                       {"FETTLE_CONCURRENCY_PROCESSES", "auto"}});

    CHECK(resolution.problems.empty());
    CHECK(resolution.effective.config.listen.bind == TextList{":90", "unix:/run/shop.sock"});
    CHECK(resolution.effective.config.concurrency.processes == 0);
}

TEST_CASE("a bad variable is an error that names it", "[resolve]") {
    struct Case {
        std::string variable;
        std::string text;
        std::string message;
    };

    const std::vector<Case> cases{
            {"FETTLE_HTTP_MAX_HEADERS", "many",
             R"(environment variable FETTLE_HTTP_MAX_HEADERS: http.max_headers is "many"; expected an integer from 1 to 1000)"},
            {"FETTLE_TIMEOUTS_GRACEFUL", "-1",
             "environment variable FETTLE_TIMEOUTS_GRACEFUL: timeouts.graceful is -1s; expected a duration from 0s to "
             "24h"},
            {"FETTLE_LOG_LEVEL", "loud",
             "environment variable FETTLE_LOG_LEVEL: log.level is \"loud\"; expected one of"},
            {"PORT", "tcp://10.0.0.1:80",
             "environment variable PORT: listen.bind is \"0.0.0.0:tcp://10.0.0.1:80\": expected HOST:PORT"},
            {"PORT", "80801", "environment variable PORT: listen.bind is \"0.0.0.0:80801\": the port is '80801'"},
            {"WEB_CONCURRENCY", "0",
             "environment variable WEB_CONCURRENCY: concurrency.processes is 0; expected an integer from 1 to 1024"},
            {"TMPDIR", "/tmp/\xff", "environment variable TMPDIR: http.spool_dir is not valid UTF-8"},
    };
    for (const Case& one : cases) {
        CAPTURE(one.variable, one.text);
        const Resolution resolution = resolve_environment({{one.variable, one.text}});
        REQUIRE(resolution.problems.size() == 1);
        CHECK_THAT(resolution.problems.front().message(), Catch::StartsWith(one.message));
    }
}

TEST_CASE("an empty variable counts as not set, unless the setting may be empty", "[resolve]") {
    const TemporaryFile file("[http]\nserver_header = \"shop\"\nmax_headers = 7\ntrusted_proxies = [\"::1\"]\n");

    const Resolution resolution = resolve({.file = file.path(),
                                           .environment = {{"FETTLE_HTTP_SERVER_HEADER", ""},
                                                           {"FETTLE_HTTP_MAX_HEADERS", ""},
                                                           {"FETTLE_HTTP_TRUSTED_PROXIES", ""},
                                                           {"FETTLE_LISTEN_BIND", ""},
                                                           {"PORT", ""},
                                                           {"WEB_CONCURRENCY", ""}},
                                           .command_line = {}},
                                          Purpose::Show);

    CHECK(resolution.problems.empty());
    CHECK(resolution.effective.config.http.server_header.empty());
    CHECK(resolution.effective.config.http.trusted_proxies.empty());
    CHECK(resolution.effective.config.http.max_headers == 7);
    CHECK(resolution.effective.config.listen.bind == Listen{}.bind);
}

TEST_CASE("a variable that is nearly a setting is warned of, somebody else's is left alone", "[resolve]") {
    const Resolution resolution = resolve_environment({{"FETTLE_HTTP_MAX_HEADER", "5"},
                                                       {"FETTLE_SERVICE_HOST", "10.0.0.1"},
                                                       {"FETTLE_PORT_8000_TCP", "tcp://10.0.0.1:8000"},
                                                       {"FETTLE_PYTHONS", "/usr/bin/python3"},
                                                       {"HOME", "/root"}});

    CHECK(resolution.problems.empty());
    CHECK(resolution.warnings ==
          std::vector<std::string>{
                  "environment variable FETTLE_HTTP_MAX_HEADER is not a setting and is ignored; did you mean "
                  "FETTLE_HTTP_MAX_HEADERS?"});
}

TEST_CASE("a repeated address of the command line replaces those of the file", "[resolve]") {
    const TemporaryFile file("[listen]\nbind = \":80\"\n");

    const Resolution resolution = resolve(
            {.file = file.path(), .environment = {}, .command_line = {flag("listen.bind", {":81", "unix:/run/a,b"})}},
            Purpose::Show);

    CHECK(resolution.problems.empty());
    CHECK(resolution.effective.config.listen.bind ==
          TextList{":81", "unix:/run/a,b"});  // a comma is part of the path here
}

TEST_CASE("mistakes of all sources are reported together", "[resolve]") {
    const TemporaryFile file("[http]\nmax_headers = 0\n");

    const Resolution resolution =
            resolve({.file = file.path(),
                     .environment = {{"FETTLE_LOG_LEVEL", "loud"}},
                     .command_line = {flag("concurrency.threads", {"none"}), flag("listen.bind", {"8000"})}},
                    Purpose::Serve);

    const auto all = messages(resolution.problems);
    REQUIRE(all.size() == 5);
    CHECK_THAT(all[0], Catch::StartsWith(file.path() + ":2:15: http.max_headers is 0"));
    CHECK_THAT(all[1], Catch::StartsWith("environment variable FETTLE_LOG_LEVEL: "));
    CHECK_THAT(all[2], Catch::StartsWith("--flag: concurrency.threads is \"none\""));
    CHECK_THAT(all[3], Catch::StartsWith("--flag: listen.bind is \"8000\""));
    CHECK_THAT(all[4], Catch::StartsWith("app.target is missing"));
}

TEST_CASE("a file that cannot be used does not make its settings look missing", "[resolve]") {
    const TemporaryFile file("[app\n");

    const Resolution resolution = resolve({.file = file.path(), .environment = {}, .command_line = {}}, Purpose::Serve);

    REQUIRE(resolution.problems.size() == 1);
    CHECK_THAT(resolution.problems.front().message(), Catch::Contains("a section is written [NAME]"));
}

TEST_CASE("settings that contradict each other are named with both values", "[validate]") {
    struct Case {
        std::string text;
        std::string message;
    };

    const std::vector<Case> cases{
            {"[recycle]\nmax_requests = 100\nmax_requests_jitter = 101\n",
             "recycle.max_requests_jitter is 101; expected at most recycle.max_requests, which is 100"},
            {"[recycle]\nmax_lifetime = \"1h\"\nmax_lifetime_jitter = \"2h\"\n",
             "recycle.max_lifetime_jitter is \"2h\"; expected at most recycle.max_lifetime, which is \"1h\""},
            {"[restart]\nbase_delay = \"31s\"\n",
             "restart.base_delay is \"31s\"; expected at most restart.max_delay, which is \"30s\""},
            {"[listen]\nbind = [\":80\", \":81\", \":80\"]\n",
             "listen.bind has \":80\" twice; an address can be listened on once"},
            {"[http]\nforwarded = \"x-forwarded\"\n",
             "http.forwarded is \"x-forwarded\", but nobody is trusted; list the proxies in http.trusted_proxies"},
            {"[http]\nproxy_protocol = \"require\"\n",
             "http.proxy_protocol is \"require\", but nobody is trusted; list the proxies in http.trusted_proxies"},
            {"[http]\ntrusted_proxies = [\"10.0.0.0/8\"]\n",
             "http.trusted_proxies has no effect while http.forwarded and http.proxy_protocol are \"off\"; set the one "
             "your proxies use, or remove it"},
            {"[http]\nthreads = 4\nmax_connections = 3\n",
             "http.threads is 4; expected at most http.max_connections, which is 3"},
    };
    for (const Case& one : cases) {
        CAPTURE(one.text);
        const TemporaryFile file(one.text);
        const Resolution resolution =
                resolve({.file = file.path(), .environment = {}, .command_line = {}}, Purpose::Show);
        REQUIRE(resolution.problems.size() == 1);
        CHECK_THAT(resolution.problems.front().message(), Catch::StartsWith(file.path() + ":"));
        CHECK_THAT(resolution.problems.front().message(), Catch::EndsWith(one.message));
    }
}

TEST_CASE("a contradiction is blamed on the stronger source", "[validate]") {
    const TemporaryFile file("[recycle]\nmax_requests_jitter = 50\n");

    const Resolution resolution =
            resolve({.file = file.path(), .environment = {}, .command_line = {flag("recycle.max_requests", {"10"})}},
                    Purpose::Show);

    REQUIRE(resolution.problems.size() == 1);
    CHECK(resolution.problems.front().message() ==
          "--flag: recycle.max_requests_jitter is 50; expected at most recycle.max_requests, which is 10");
}

TEST_CASE("what contradicts nothing is accepted", "[validate]") {
    const std::vector<std::string> texts{
            "[recycle]\nmax_requests = 100\nmax_requests_jitter = 100\n",
            "[recycle]\nmax_requests_jitter = 100\n",  // off: max_requests may come from the command line
            "[listen]\nbind = [\"127.0.0.1:0\", \"127.0.0.1:0\"]\n",  // two ports of the kernel's choice
            "[listen]\nbind = [\"127.0.0.1:80\", \"[::1]:80\", \":81\"]\n",
            "[http]\ntrusted_proxies = [\"10.0.0.0/8\", \"unix\"]\nforwarded = \"forwarded\"\n",
            "[http]\ntrusted_proxies = \"::1\"\nproxy_protocol = \"require\"\n",
    };
    for (const std::string& text : texts) {
        CAPTURE(text);
        const TemporaryFile file(text);
        CHECK(resolve({.file = file.path(), .environment = {}, .command_line = {}}, Purpose::Show).problems.empty());
    }
}

TEST_CASE("a setting that was refused is not judged again", "[validate]") {
    const TemporaryFile file("[app]\ntarget = 5\n[recycle]\nmax_requests = -1\nmax_requests_jitter = 5\n");

    const Resolution resolution = resolve({.file = file.path(), .environment = {}, .command_line = {}}, Purpose::Serve);

    REQUIRE(resolution.problems.size() == 2);
    CHECK(resolution.problems[0].setting == "app.target");
    CHECK(resolution.problems[1].setting == "recycle.max_requests");
}

TEST_CASE("a directory that cannot be used is found before anything starts", "[preflight]") {
    const TemporaryFile plain_file("");
    Effective effective =
            resolve({.file = {}, .environment = {{"TMPDIR", "/nonexistent"}}, .command_line = {}}, Purpose::Show)
                    .effective;
    effective.assign(*find_setting("app.chdir"), plain_file.path(), {Origin::CommandLine, "--chdir"});
    Problems problems;

    preflight(effective, problems);

    REQUIRE(problems.size() == 2);
    CHECK(problems[0].message() == "--chdir: app.chdir: \"" + plain_file.path() + "\" is not a directory");
    CHECK(problems[1].message() ==
          "environment variable TMPDIR: http.spool_dir: the directory \"/nonexistent\" cannot be used: No such file or "
          "directory");
}

TEST_CASE("a log file that cannot be written is found before anything starts, and none is created", "[preflight]") {
    const TemporaryFile existing("");

    struct Case {
        std::string path;
        std::string message;  // empty: usable
    };

    const std::vector<Case> cases{
            {"-", ""},
            {existing.path(), ""},
            {existing.path() + "-new", ""},
            {"/dev/full", ""},
            {"/tmp", "log.file: \"/tmp\" is a directory; expected a file"},
            {"/nonexistent/fettle.log",
             "log.file: the directory \"/nonexistent/\" cannot be used: No such file or directory"},
            {existing.path() + "/fettle.log",
             "log.file: the file \"" + existing.path() + "/fettle.log\" cannot be written: Not a directory"},
    };
    for (const Case& one : cases) {
        CAPTURE(one.path);
        Effective effective = resolve_environment({}).effective;
        effective.assign(*find_setting("log.file"), one.path, {});
        Problems problems;
        preflight(effective, problems);
        CHECK(messages(problems) ==
              (one.message.empty() ? std::vector<std::string>{} : std::vector<std::string>{one.message}));
    }
    CHECK(access((existing.path() + "-new").c_str(), F_OK) != 0);
}

TEST_CASE("large bodies go to TMPDIR, else to /tmp, unless the configuration says otherwise", "[resolve]") {
    const TemporaryFile file("[http]\nspool_dir = \"/var/spool\"\n");

    CHECK(resolve_environment({}).effective.config.http.spool_dir == "/tmp");
    CHECK(resolve_environment({{"TMPDIR", "/var/tmp"}}).effective.config.http.spool_dir == "/var/tmp");
    CHECK(resolve({.file = file.path(), .environment = {{"TMPDIR", "/var/tmp"}}, .command_line = {}}, Purpose::Show)
                  .effective.config.http.spool_dir == "/var/spool");
}

TEST_CASE("the variables of this process are read whole, also those with an equals sign in the value", "[resolve]") {
    setenv("FETTLE_TEST_VARIABLE", "a=b=c", 1);
    const Environment environment = process_environment();
    unsetenv("FETTLE_TEST_VARIABLE");

    CHECK(environment.at("FETTLE_TEST_VARIABLE") == "a=b=c");
}

TEST_CASE("a problem is one line, whatever control characters the sources hold", "[resolve]") {
    const TemporaryFile file("[http]\n\"max\\nheaders\" = 1\n[listen]\nbind = \"[\\u001b[31m]:1\"\n");

    const Resolution resolution =
            resolve({.file = file.path(),
                     .environment = {{"PORT", "80\nerror: all is lost"}, {"FETTLE_HTTP_MAX_HEADER\n", "5"}},
                     .command_line = {}},
                    Purpose::Show);

    CHECK(resolution.problems.size() == 3);
    CHECK(resolution.warnings.size() == 1);
    std::vector<std::string> lines = messages(resolution.problems);
    lines.insert(lines.end(), resolution.warnings.begin(), resolution.warnings.end());
    for (const std::string& line : lines) {
        INFO(line);
        CHECK(line.find_first_of("\n\x1b") == std::string::npos);
    }
}

}  // namespace fettle::config
