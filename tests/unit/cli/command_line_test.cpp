#include "cli/command_line.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

namespace fettle::cli {
namespace {

// The `fettle` command with recording actions.
struct Fettle {
    config::Environment environment;
    ExitCode serve_result = ExitCode::Ok;
    Result<ApplicationCheck> check_result = ApplicationCheck{};
    Result<void> access_format_result;
    Result<void> interpreter_result;

    std::optional<config::Config> served;
    std::optional<config::Config> checked;
    std::optional<BalancerRole> balanced;
    std::string out;
    std::string err;

    ExitCode run(const std::vector<std::string>& arguments) {
        const Actions actions{
                .serve =
                        [this](const config::Config& config) {
                            served = config;
                            return serve_result;
                        },
                .check_application =
                        [this](const config::Config& config) {
                            checked = config;
                            return check_result;
                        },
                .judge_access_format = [this](std::string_view) { return access_format_result; },
                .judge_interpreter = [this](const config::Config&) { return interpreter_result; },
                .balance =
                        [this](const BalancerRole& role) {
                            balanced = role;
                            return ExitCode::Ok;
                        },
                .lifecycle_markdown = [] { return std::string("# Lifecycle\n"); },
        };
        std::ostringstream out_stream;
        std::ostringstream err_stream;
        const ExitCode exit_code = run_command_line(arguments, {environment, out_stream, err_stream, actions});
        out = out_stream.str();
        err = err_stream.str();
        return exit_code;
    }
};

class ConfigurationFile {
  public:
    explicit ConfigurationFile(std::string_view text) {
        close(mkstemp(path_.data()));
        std::ofstream(path_) << text;
    }

    ConfigurationFile(const ConfigurationFile&) = delete;
    ConfigurationFile& operator=(const ConfigurationFile&) = delete;

    ~ConfigurationFile() { unlink(path_.c_str()); }

    [[nodiscard]] const std::string& path() const { return path_; }

  private:
    std::string path_ = "/tmp/fettle-cli-test-XXXXXX";
};

}  // namespace

TEST_CASE("fettle run with every option serves what was typed", "[cli]") {
    Fettle sut;

    const ExitCode exit_code = sut.run(
            {"run",          "-b", "[::1]:8000",  "--bind", "unix:/run/shop.sock", "--chdir",        "/",
             "-w",           "3",  "--threads=8", "--mode", "processes",           "--python",       "/usr/bin/python3",
             "--access-log", "-",  "--log-level", "debug",  "--no-preload",        "--max-requests", "1000",
             "shop.wsgi:app"});

    CHECK(exit_code == ExitCode::Ok);
    CHECK(sut.err.empty());
    REQUIRE(sut.served);
    const config::Config& config = *sut.served;
    CHECK(config.app.target == "shop.wsgi:app");
    CHECK(config.listen.bind == std::vector<std::string>{"[::1]:8000", "unix:/run/shop.sock"});
    CHECK(config.app.chdir == "/");
    CHECK(config.concurrency.processes == 3);
    CHECK(config.concurrency.threads == 8);
    CHECK(config.python.gil == "/usr/bin/python3");
    CHECK(config.log.access == "-");
    CHECK(config.log.level == config::LogLevel::Debug);
    CHECK_FALSE(config.app.preload);
    CHECK(config.recycle.max_requests == 1000);
}

TEST_CASE("an address does not swallow the target behind it", "[cli]") {
    Fettle sut;

    CHECK(sut.run({"run", "--bind", ":80", "shop.wsgi"}) == ExitCode::Ok);

    REQUIRE(sut.served);
    CHECK(sut.served->listen.bind == std::vector<std::string>{":80"});
    CHECK(sut.served->app.target == "shop.wsgi");
}

TEST_CASE("a module may have the name of a command", "[cli]") {
    for (const std::string name : {"run", "serve", "check", "config", "balancer"}) {
        CAPTURE(name);
        Fettle sut;
        CHECK(sut.run({"run", name}) == ExitCode::Ok);
        REQUIRE(sut.served);
        CHECK(sut.served->app.target == name);
    }
}

TEST_CASE("of an option that is given twice the last one counts", "[cli]") {
    Fettle sut;

    CHECK(sut.run({"run", "shop", "-w", "2", "-w", "auto", "--access-log", "-", "--access-log", ""}) == ExitCode::Ok);

    REQUIRE(sut.served);
    CHECK(sut.served->concurrency.processes == 0);
    CHECK(sut.served->log.access.empty());
}

TEST_CASE("fettle serve takes its file and the environment", "[cli]") {
    const ConfigurationFile file("[app]\ntarget = \"shop.wsgi\"\n[concurrency]\nthreads = 4\nprocesses = 2\n");
    Fettle sut{.environment = {{"WEB_CONCURRENCY", "5"}}};

    CHECK(sut.run({"serve", "-c", file.path()}) == ExitCode::Ok);

    REQUIRE(sut.served);
    CHECK(sut.served->app.target == "shop.wsgi");
    CHECK(sut.served->concurrency.threads == 4);
    CHECK(sut.served->concurrency.processes == 5);
}

TEST_CASE("the exit code of the service is that of the command", "[cli]") {
    Fettle sut{.serve_result = ExitCode::NeverReady};

    CHECK(sut.run({"run", "shop"}) == ExitCode::NeverReady);
}

TEST_CASE("a wrong command line exits with 2, says what is wrong on standard error and where help is", "[cli]") {
    struct Case {
        std::vector<std::string> arguments;
        std::string message;
        std::string help;
    };

    const std::vector<Case> cases{
            {{}, "a command is missing", "'fettle --help'"},
            {{"rnu", "shop"}, "unknown command 'rnu'; did you mean 'run'?", "'fettle --help'"},
            {{"balancr"}, "unknown command 'balancr'\n", "'fettle --help'"},
            {{""}, "unknown command ''", "'fettle --help'"},
            {{"--frobnicate"}, "a command is expected in place of '--frobnicate'", "'fettle --help'"},
            {{"run", "shop", "--frobnicate"}, "unknown option '--frobnicate'\n", "'fettle run --help'"},
            {{"run", "shop", "--proceses", "4"},
             "unknown option '--proceses'; did you mean '--processes'?\n",
             "'fettle run --help'"},
            {{"run", "shop", "--thread=4"},
             "unknown option '--thread'; did you mean '--threads'?\n",
             "'fettle run --help'"},
            {{"run", "shop", "--preload", "-x"}, "unknown option '--preload'", "'fettle run --help'"},
            {{"serve", "-c", "shop.toml", "--confg", "a"},
             "unknown option '--confg'; did you mean '--config'?\n",
             "'fettle serve --help'"},
            {{"run", "shop", "other", "words"}, "unexpected argument 'other'\n", "'fettle run --help'"},
            {{"run", "shop", "--bind"}, "--bind: 1 required ADDRESS missing", "'fettle run --help'"},
            {{"run"}, "app.target is missing; give the application as MODULE[:ATTR]", "'fettle run --help'"},
            {{"run", ""}, "MODULE[:ATTR]: app.target is empty", "'fettle run --help'"},
            {{"run", "shop.py"}, "MODULE[:ATTR]: app.target is \"shop.py\": it names a file", "'fettle run --help'"},
            {{"run", "shop", "-w", "many"}, "--processes: concurrency.processes is \"many\"", "'fettle run --help'"},
            {{"run", "shop", "-b", "8000"},
             "--bind: listen.bind is \"8000\": the host is missing",
             "'fettle run --help'"},
            {{"run", "shop", "--mode", "threads"},
             "--mode: concurrency.mode is \"threads\"; expected \"processes\"",
             "'fettle run --help'"},
            {{"run", "shop", "--chdir", "/nonexistent"},
             "--chdir: app.chdir: the directory \"/nonexistent\"",
             "'fettle run --help'"},
            {{"serve"}, "--config is required", "'fettle serve --help'"},
            {{"serve", "shop"}, "", "'fettle serve --help'"},
            {{"config"}, "one of --show, --reference and --schema", "'fettle config --help'"},
            {{"config", "--json"}, "--json requires --show", "'fettle config --help'"},
            {{"config", "--show", "--schema"}, "excludes", "'fettle config --help'"},
            {{"balancer"}, "required", "'fettle balancer --help'"},
    };
    for (const Case& one : cases) {
        CAPTURE(one.arguments);
        Fettle sut;
        CHECK(sut.run(one.arguments) == ExitCode::Usage);
        CHECK_THAT(sut.err, Catch::StartsWith("fettle: error: "));
        CHECK_THAT(sut.err, Catch::Contains(one.message));
        CHECK_THAT(sut.err, Catch::Contains("fettle: hint: " + one.help));
        CHECK(sut.out.empty());
        CHECK_FALSE(sut.served);
    }
}

TEST_CASE("a wrong configuration exits with 7 and lists every problem, one per line, and a hint", "[cli]") {
    const ConfigurationFile file("[http]\nmax_headers = 0\nkeepalive = true\n");
    Fettle sut{.environment = {{"FETTLE_LOG_LEVEL", "loud"}, {"FETTLE_HTTP_MAX_HEADER", "1"}}};

    CHECK(sut.run({"run", "-c", file.path(), "--threads", "none"}) == ExitCode::Configuration);

    CHECK_FALSE(sut.served);
    CHECK(sut.err ==
          "fettle: warning: environment variable FETTLE_HTTP_MAX_HEADER is not a setting and is ignored; did you mean "
          "FETTLE_HTTP_MAX_HEADERS?\n"
          "fettle: error: " +
                  file.path() +
                  ":2:15: http.max_headers is 0; expected an integer from 1 to 1000\n"
                  "fettle: error: " +
                  file.path() +
                  ":3:1: unknown key 'http.keepalive'; did you mean 'http.keep_alive'?\n"
                  "fettle: error: environment variable FETTLE_LOG_LEVEL: log.level is \"loud\"; expected one of "
                  "\"debug\", \"info\", "
                  "\"warning\", \"error\"\n"
                  "fettle: error: --threads: concurrency.threads is \"none\"; expected an integer from 1 to 128\n"
                  "fettle: error: app.target is missing; give the application as MODULE[:ATTR], for example shop.wsgi\n"
                  "fettle: hint: 'fettle config --reference' describes every setting\n");
}

TEST_CASE("an access format that the balancer would refuse is a configuration error", "[cli]") {
    const ConfigurationFile file("[app]\ntarget = \"shop\"\n[log]\naccess_format = \"%(zzz)s\"\n");
    Fettle sut{.access_format_result = Error{"'%(zzz)s' is unknown"}};

    CHECK(sut.run({"serve", "-c", file.path()}) == ExitCode::Configuration);

    CHECK_FALSE(sut.served);
    CHECK_THAT(sut.err, Catch::Contains(file.path() + ":4:17: log.access_format: '%(zzz)s' is unknown"));
}

TEST_CASE("what is wrong with the values, with this machine and with the access format is reported in one run",
          "[cli]") {
    const ConfigurationFile file("[app]\nchdir = \"/nonexistent\"\n[http]\nmax_headers = 0\nspool_dir = 5\n");
    Fettle sut{.environment = {{"TMPDIR", "/nonexistent"}}, .access_format_result = Error{"'%(zzz)s' is unknown"}};

    CHECK(sut.run({"serve", "-c", file.path()}) == ExitCode::Configuration);

    CHECK_THAT(sut.err, Catch::Contains(":4:15: http.max_headers is 0"));
    CHECK_THAT(sut.err, Catch::Contains(":5:13: http.spool_dir is 5; expected a text"));
    CHECK_THAT(sut.err, Catch::Contains("app.target is missing"));
    CHECK_THAT(sut.err, Catch::Contains(":2:9: app.chdir: the directory \"/nonexistent\" cannot be used"));
    CHECK_THAT(sut.err, Catch::Contains("log.access_format: '%(zzz)s' is unknown"));
    CHECK_THAT(sut.err, !Catch::Contains("http.spool_dir: "));  // refused already
}

TEST_CASE("a missing interpreter and a missing directory of a socket are reported with the other mistakes", "[cli]") {
    const ConfigurationFile file("[http]\nmax_headers = 0\n[listen]\nbind = \"unix:/nonexistent/shop.sock\"\n");
    Fettle sut{.interpreter_result = Error{"the interpreter '/opt/python' does not exist"}};

    CHECK(sut.run({"run", "shop", "--python", "/opt/python", "-c", file.path()}) == ExitCode::Configuration);

    CHECK_FALSE(sut.served);
    CHECK_THAT(sut.err, Catch::Contains(":2:15: http.max_headers is 0"));
    CHECK_THAT(sut.err, Catch::Contains(":4:8: listen.bind: cannot listen on unix:/nonexistent/shop.sock: the "
                                        "directory \"/nonexistent/\" cannot be used: No such file or directory"));
    CHECK_THAT(sut.err, Catch::Contains("fettle: error: --python: the interpreter '/opt/python' does not exist"));
}

TEST_CASE("a missing interpreter or socket directory alone has its own exit code and needs no further hint", "[cli]") {
    Fettle no_interpreter{.interpreter_result = Error{"PATH has no python3"}};
    CHECK(no_interpreter.run({"run", "shop"}) == ExitCode::Interpreter);
    CHECK(no_interpreter.err == "fettle: error: PATH has no python3\n");

    Fettle no_directory;
    CHECK(no_directory.run({"run", "shop", "-b", "unix:/nonexistent/shop.sock"}) == ExitCode::Bind);
    CHECK_THAT(no_directory.err, Catch::StartsWith("fettle: error: --bind: listen.bind: cannot listen on unix:"));
    CHECK_THAT(no_directory.err, !Catch::Contains("hint"));
}

TEST_CASE("fettle check reports the configuration and the import", "[cli]") {
    const ConfigurationFile file("[app]\ntarget = \"shop.wsgi\"\n");
    Fettle sut{.check_result = ApplicationCheck{.interpreter = "CPython 3.11.2",
                                                .interpreter_path = "/usr/bin/python3",
                                                .import_time = std::chrono::milliseconds(120)}};

    CHECK(sut.run({"check", "-c", file.path()}) == ExitCode::Ok);

    REQUIRE(sut.checked);
    CHECK(sut.checked->app.target == "shop.wsgi");
    CHECK(sut.out ==
          "configuration  ok   " + file.path() +
                  "\napplication    ok   shop.wsgi imported in 120 ms by CPython 3.11.2 (/usr/bin/python3)\n");
    CHECK(sut.err.empty());
}

TEST_CASE("fettle check says when threads of the import forbid preloading", "[cli]") {
    Fettle sut{.check_result = ApplicationCheck{.thread_names = "poller\nmetrics"}};

    CHECK(sut.run({"check", "shop"}) == ExitCode::Ok);

    CHECK_THAT(sut.out, Catch::Contains("preload        off  the import leaves threads behind (poller, metrics); every "
                                        "worker imports by itself"));
    CHECK(sut.run({"check", "shop", "--no-preload"}) == ExitCode::Ok);
    CHECK_THAT(sut.out, !Catch::Contains("preload"));
}

TEST_CASE("fettle check exits with the application's code and shows its traceback", "[cli]") {
    Fettle sut{.check_result = ApplicationCheck{.exit_code = ExitCode::AppLoad,
                                                .trouble = "shop cannot be imported\nTraceback ..."}};

    CHECK(sut.run({"check", "shop"}) == ExitCode::AppLoad);
    CHECK(sut.err == "fettle: error: shop cannot be imported\nTraceback ...\n");

    sut.check_result = Error{"fork failed"};
    CHECK(sut.run({"check", "shop"}) == ExitCode::Internal);
    CHECK(sut.err == "fettle: error: fork failed\n");
}

TEST_CASE("fettle check does not import the application of a wrong configuration", "[cli]") {
    Fettle sut{.environment = {{"PORT", "no"}}};

    CHECK(sut.run({"check", "shop"}) == ExitCode::Configuration);

    CHECK_FALSE(sut.checked);
}

TEST_CASE("fettle config --show prints an aligned table of values and origins, also without a target", "[cli]") {
    const ConfigurationFile file("[http]\nmax_headers = 5\n");
    Fettle sut{.environment = {{"PORT", "80"}}};

    CHECK(sut.run({"config", "--show", "-c", file.path(), "-w", "2"}) == ExitCode::Ok);

    std::istringstream lines(sut.out);
    std::string line;
    std::getline(lines, line);
    const auto value_column = line.find("VALUE");
    const auto origin_column = line.find("ORIGIN");
    std::size_t rows = 0;
    while (std::getline(lines, line)) {
        CAPTURE(line);
        ++rows;
        CHECK(line[value_column - 1] == ' ');
        CHECK(line[value_column] != ' ');
        CHECK(line[origin_column - 1] == ' ');
        CHECK(line[origin_column] != ' ');
        if (line.substr(0, 17) == "http.max_headers ") {
            CHECK(line.substr(value_column, 2) == "5 ");
            CHECK(line.substr(origin_column) == "file " + file.path() + ":2:15");
        }
    }
    CHECK(rows == config::settings().size());
    CHECK_THAT(sut.out, Catch::Contains("environment PORT\n") && Catch::Contains("command line --processes\n"));
}

TEST_CASE("fettle config --show --json prints the same for programs", "[cli]") {
    Fettle sut;

    CHECK(sut.run({"config", "--show", "--json", "shop", "--threads", "2"}) == ExitCode::Ok);

    const auto json = nlohmann::json::parse(sut.out);
    CHECK(json["app.target"]["value"] == "shop");
    CHECK(json["concurrency.threads"] ==
          nlohmann::json{{"value", 2}, {"origin", "command line"}, {"where", "--threads"}});
}

TEST_CASE("fettle config prints the committed reference and schema", "[cli]") {
    const auto committed = [](const std::string& name) {
        std::ifstream file(std::string(FETTLE_DOCS) + '/' + name);
        return std::string(std::istreambuf_iterator<char>(file), {});
    };
    Fettle sut;

    CHECK(sut.run({"config", "--reference"}) == ExitCode::Ok);
    CHECK(sut.out == committed("configuration.md"));
    CHECK(sut.run({"config", "--schema"}) == ExitCode::Ok);
    CHECK(sut.out == committed("configuration.schema.json"));
}

TEST_CASE("the hidden roles get what the supervisor passes", "[cli]") {
    Fettle sut;

    CHECK(sut.run({"balancer", "--control-fd", "3", "--config-fd", "4", "--listener-fds", "5,6,7", "--incarnation",
                   "9"}) == ExitCode::Ok);

    REQUIRE(sut.balanced);
    CHECK(sut.balanced->control_fd == 3);
    CHECK(sut.balanced->config_fd == 4);
    CHECK(sut.balanced->listener_fds == std::vector<int>{5, 6, 7});
    CHECK(sut.balanced->incarnation == 9);
    CHECK(sut.run({"lifecycle"}) == ExitCode::Ok);
    CHECK(sut.out == "# Lifecycle\n");
}

TEST_CASE("the commands for people and every option with its default are listed by --help", "[cli]") {
    Fettle sut;

    CHECK(sut.run({"--help"}) == ExitCode::Ok);
    for (const char* command : {"run", "serve", "check", "config"}) {
        CHECK_THAT(sut.out, Catch::Contains(std::string("\n  ") + command + "  "));
    }
    CHECK_THAT(sut.out, !Catch::Contains("balancer") && !Catch::Contains("lifecycle"));

    CHECK(sut.run({"run", "--help"}) == ExitCode::Ok);
    CHECK_THAT(sut.out, Catch::Contains("Usage: fettle run [OPTIONS] [MODULE[:ATTR]]"));
    CHECK_THAT(sut.out, Catch::Contains("-b, --bind ADDRESS") && Catch::Contains("Default: 127.0.0.1:8000") &&
                                Catch::Contains("Examples:"));
    for (const config::Setting& setting : config::settings()) {
        if (!setting.flag.name.empty()) {
            CAPTURE(setting.name());
            CHECK_THAT(sut.out, Catch::Contains(std::string(setting.flag.name)));
        }
    }
    CHECK(sut.err.empty());
}

TEST_CASE("no line of any help is wider than 120 columns or contains Markdown", "[cli]") {
    for (const std::string command : {"run", "serve", "check", "config"}) {
        Fettle sut;
        CHECK(sut.run({command, "--help"}) == ExitCode::Ok);
        std::istringstream lines(sut.out);
        for (std::string line; std::getline(lines, line);) {
            CAPTURE(line);
            CHECK(line.size() <= 120);
            CHECK(line.find('`') == std::string::npos);
        }
    }
}

TEST_CASE("name and version are printed by --version", "[cli]") {
    Fettle sut;

    CHECK(sut.run({"--version"}) == ExitCode::Ok);
    CHECK(sut.out == "fettle " FETTLE_VERSION "\n");
}

}  // namespace fettle::cli
