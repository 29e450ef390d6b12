#include "config/load.h"

#include "config/syntax_error.h"
#include "temporary_file.h"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

namespace fettle::config {
namespace {

struct Loaded {
    FileOutcome outcome = FileOutcome::Walked;
    Effective effective;
    std::vector<std::string> messages;  // the file's path replaced by "F"
};

Loaded load(std::string_view text) {
    const TemporaryFile file(text);
    Loaded loaded;
    Problems problems;
    loaded.outcome = load_file(file.path(), loaded.effective, problems);
    for (const Problem& problem : problems) {
        std::string message = problem.message();
        if (const auto at = message.find(file.path()); at != std::string::npos) {
            message.replace(at, file.path().size(), "F");
        }
        loaded.messages.push_back(message);
    }
    return loaded;
}

}  // namespace

TEST_CASE("a file that uses every way of writing values is loaded", "[load]") {
    const Loaded loaded = load(R"(
app.target = "shop.wsgi:app"
app.env = { DJANGO_SETTINGS_MODULE = "shop.settings", EMPTY = "" }
app.preload = false

[listen]
bind = ["127.0.0.1:8000", "[::1]:8000", "unix:/run/shop.sock"]

[concurrency]
mode = "processes"
processes = "auto"
threads = 4

[http]
max_body_bytes = "10MB"
body_buffer_bytes = 1024
spool_dir = ""

[timeouts]
start = 90
graceful = 0.5
term = "250ms"
keep_alive = "5m"

[log]
level = "debug"
format = "json"
)");

    CHECK(loaded.messages.empty());
    const Config& config = loaded.effective.config;
    CHECK(config.app.target == "shop.wsgi:app");
    CHECK(config.app.env == TextMap{{"DJANGO_SETTINGS_MODULE", "shop.settings"}, {"EMPTY", ""}});
    CHECK_FALSE(config.app.preload);
    CHECK(config.listen.bind == TextList{"127.0.0.1:8000", "[::1]:8000", "unix:/run/shop.sock"});
    CHECK(config.concurrency.processes == 0);
    CHECK(config.concurrency.threads == 4);
    CHECK(config.http.max_body_bytes == 10485760);
    CHECK(config.http.body_buffer_bytes == 1024);
    CHECK(config.timeouts.start == Seconds{90});
    CHECK(config.timeouts.graceful == Seconds{0.5});
    CHECK(config.timeouts.term == Seconds{0.25});
    CHECK(config.timeouts.keep_alive == Seconds{300});
    CHECK(config.timeouts.send == Timeouts{}.send);
    CHECK(config.log.level == LogLevel::Debug);
    CHECK(config.log.format == LogFormat::Json);
}

TEST_CASE("one address needs no array", "[load]") {
    CHECK(load("[listen]\nbind = \":80\"\n").effective.config.listen.bind == TextList{":80"});
}

TEST_CASE("an empty file changes nothing", "[load]") {
    const Loaded loaded = load("");

    CHECK(loaded.outcome == FileOutcome::Walked);
    CHECK(loaded.messages.empty());
    CHECK(loaded.effective.origins.empty());
}

TEST_CASE("each mistake is reported with its place, what was found and what was expected", "[load]") {
    struct Case {
        std::string text;
        std::string message;
    };

    const std::vector<Case> cases{
            // keys
            {"[concurrency]\nproceses = 2\n",
             "F:2:1: unknown key 'concurrency.proceses'; did you mean 'concurrency.processes'?"},
            {"[http]\nbind = \":80\"\n", "F:2:1: unknown key 'http.bind'; did you mean 'listen.bind'?"},
            {"[http]\nxyzzy_plugh = 1\n", "F:2:1: unknown key 'http.xyzzy_plugh'"},
            {"[htpp]\nmax_headers = 1\n", "F:1:2: unknown section [htpp]; did you mean [http]?"},
            {"[[htpp]]\nmax_headers = 1\n", "F:1:3: unknown section [htpp]; did you mean [http]?"},
            {"[frobnication]\nx = 1\n", "F:1:2: unknown section [frobnication]"},
            {"bind = \":80\"\n", "F:1:1: the key 'bind' stands outside of any section; did you mean 'listen.bind'?"},
            {"whatever_this_is = 1\n", "F:1:1: the key 'whatever_this_is' stands outside of any section"},
            {"http = 3\n", "F:1:8: 'http' is 3; expected the section [http]"},
            {"[[http]]\nmax_headers = 1\n", "F:1:1: 'http' is an array; expected the section [http]"},
            // types
            {"[http]\nmax_headers = \"many\"\n",
             "F:2:15: http.max_headers is \"many\"; expected an integer from 1 to 1000"},
            {"[http]\nmax_headers = \"5\"\n", "F:2:15: http.max_headers is \"5\"; expected an integer from 1 to 1000"},
            {"[http]\nmax_headers = 1.5\n", "F:2:15: http.max_headers is 1.5; expected an integer"},
            {"[http]\nmax_headers = true\n", "F:2:15: http.max_headers is true; expected an integer"},
            {"[http]\nmax_headers = [1]\n", "F:2:15: http.max_headers is an array; expected an integer"},
            {"[http.max_headers]\na = 1\n", "F:1:1: http.max_headers is a table; expected an integer"},
            {"[http]\nmax_headers = 2024-01-01\n", "F:2:15: http.max_headers is a date or time; expected an integer"},
            {"[http]\nkeep_alive = 1\n", "F:2:14: http.keep_alive is 1; expected true or false"},
            {"[http]\nkeep_alive = \"true\"\n", "F:2:14: http.keep_alive is \"true\"; expected true or false"},
            {"[app]\ntarget = 5\n", "F:2:10: app.target is 5; expected a text that is not empty"},
            {"[app]\nenv = \"A=1\"\n", "F:2:7: app.env is \"A=1\"; expected a table of texts"},
            {"[app.env]\nA = 1\n", "F:2:5: app.env.A is 1; expected a text in quotes"},
            {"[app.env]\n\"A=B\" = \"1\"\n", "F:2:9: app.env is \"A=B\": the name of an environment variable"},
            {"[listen]\nbind = 80\n", "F:2:8: listen.bind is 80; expected a text or an array of texts"},
            {"[listen]\nbind = [\":80\", 81]\n", "F:2:16: listen.bind is an array with 81; expected"},
            {"[listen]\nbind = []\n", "F:2:8: listen.bind is empty; expected"},
            {"[timeouts]\nterm = true\n", "F:2:8: timeouts.term is true; expected a duration"},
            {"[concurrency]\nprocesses = \"some\"\n",
             "F:2:13: concurrency.processes is \"some\"; expected an integer from 1 to 1024 or \"auto\""},
            {"[concurrency]\nprocesses = \"4\"\n", "F:2:13: concurrency.processes is \"4\"; expected an integer"},
            // ranges and forms
            {"[concurrency]\nprocesses = 0\n",
             "F:2:13: concurrency.processes is 0; expected an integer from 1 to 1024 or \"auto\""},
            {"[concurrency]\nthreads = 0\n", "F:2:11: concurrency.threads is 0; expected an integer from 1 to 128"},
            {"[concurrency]\nthreads = 99999999999\n", "F:2:11: concurrency.threads is 99999999999; expected"},
            {"[concurrency]\nmode = \"threads\"\n",
             "F:2:8: concurrency.mode is \"threads\"; expected \"processes\": this version"},
            {"[http]\nmax_body_bytes = \"10 MB\"\n",
             "F:2:18: http.max_body_bytes is \"10 MB\"; expected a size from 0 to 1024GB"},
            {"[timeouts]\nheader = 0\n", "F:2:10: timeouts.header is 0s; expected a duration from 1ms to 24h"},
            {"[timeouts]\nheader = \"2d\"\n", "F:2:10: timeouts.header is \"2d\"; expected a duration from 1ms to 24h"},
            {"[timeouts]\nheader = inf\n", "F:2:10: timeouts.header is inf; expected a duration"},
            {"[timeouts]\nheader = nan\n", "F:2:10: timeouts.header is nan; expected a duration"},
            {"[app]\ntarget = \"\"\n", "F:2:10: app.target is empty; expected a text that is not empty"},
            {"[app]\ntarget = \"shop.py\"\n",
             "F:2:10: app.target is \"shop.py\": it names a file; name the module instead: shop"},
            {"[app]\nchdir = \"a\\u0000b\"\n", "F:2:9: app.chdir contains a NUL character"},
            {"[listen]\nbind = [\":80\", \"8000\"]\n", "F:2:16: listen.bind is \"8000\": the host is missing"},
    };
    for (const Case& one : cases) {
        CAPTURE(one.text);
        const Loaded loaded = load(one.text);
        REQUIRE(loaded.messages.size() == 1);
        CHECK_THAT(loaded.messages.front(), Catch::StartsWith(one.message));
        CHECK(loaded.outcome == FileOutcome::Walked);
    }
}

TEST_CASE("all mistakes are reported in one run, in the order of the file", "[load]") {
    const Loaded loaded = load(R"([timeouts]
zzz = 1
start = "soon"

[http]
max_headers = 0
keepalive = true

[concurrency]
threads = 4
proceses = 4
)");

    REQUIRE(loaded.messages.size() == 5);
    CHECK_THAT(loaded.messages[0], Catch::StartsWith("F:2:1: unknown key 'timeouts.zzz'"));
    CHECK_THAT(loaded.messages[1], Catch::StartsWith("F:3:9: timeouts.start is \"soon\""));
    CHECK_THAT(loaded.messages[2], Catch::StartsWith("F:6:15: http.max_headers is 0"));
    CHECK_THAT(loaded.messages[3],
               Catch::Contains("F:7:1: unknown key 'http.keepalive'; did you mean 'http.keep_alive'?"));
    CHECK_THAT(loaded.messages[4], Catch::StartsWith("F:11:1: unknown key 'concurrency.proceses'"));
    CHECK(loaded.effective.config.concurrency.threads == 4);  // what is right is loaded all the same
}

TEST_CASE("every wrong element of an array and of a table is reported", "[load]") {
    const Loaded loaded = load("[listen]\nbind = [\"8000\", \":80\", 5]\n[app.env]\nA = 1\nB = \"x\"\nC = true\n");

    REQUIRE(loaded.messages.size() == 4);
    CHECK_THAT(loaded.messages[0], Catch::StartsWith("F:2:9: "));
    CHECK_THAT(loaded.messages[1], Catch::StartsWith("F:2:24: "));
    CHECK_THAT(loaded.messages[2], Catch::StartsWith("F:4:5: app.env.A is 1"));
    CHECK_THAT(loaded.messages[3], Catch::StartsWith("F:6:5: app.env.C is true"));
    CHECK(loaded.effective.config.listen.bind == Listen{}.bind);  // nothing is taken from a list that is partly wrong
}

TEST_CASE("a mistake in the form of the file is said with its line and column, and what was expected", "[load]") {
    struct Case {
        std::string text;
        std::string message;
    };

    const std::vector<Case> cases{
            {"[app\ntarget = \"x\"\n", "F:1:5: a section is written [NAME] on a line of its own"},
            {"[app]\n\ntarget = shop.wsgi\n",
             "F:3:10: this is neither a number nor true or false; a text needs quotes: \"shop.wsgi\""},
            {"[app]\ntarget =\n", "F:2:9: the value is missing; expected a text in quotes, a number"},
            {"[app]\ntarget = # none\n", "F:2:10: the value is missing; expected a text in quotes, a number"},
            {"[app]\ntarget \"x\"\n", "F:2:8: '=' is missing; expected KEY = VALUE"},
            {"[app]\ntarget: x\n", "F:2:7: a key and its value are separated by '=', not by ':'"},
            {"[app]\nmy target = 1\n", "F:2:4: '=' is missing; expected KEY = VALUE"},
            {"[app]\n= 1\n", "F:2:1: expected [SECTION], KEY = VALUE or a comment"},
            {"[app]\ntarget = \"x\n", "F:2:12: the closing quote of this text is missing on its line"},
            {"[app]\ntarget = 'x\n", "F:2:12: the closing quote of this text is missing on its line"},
            {"[app]\nchdir = \"C:\\q\"\n", "F:2:13: this is no escape; in double quotes a backslash is written \\\\"},
            {"[app]\na = \"\x01\"\n", "F:2:6: a control character stands in this text"},
            {"[app]\na = 1\na = 2\n", "F:3:5: the key 'a' is there already; remove one of the two"},
            {"[app]\nx = 1\n[app]\ny = 2\n", "F:3:1: the section [app] is there already; put its keys together"},
            {"[http]\nmax_body_bytes = 10k\n",
             "F:2:20: this is neither a number nor true or false; a text needs quotes: \"10k\""},
            {"[http]\nkeep_alive = True\n", "F:2:14: true and false are written in lower case; expected true"},
            {"[http]\nkeep_alive = FALSE\n", "F:2:14: true and false are written in lower case; expected false"},
            {"[listen]\nbind = [\"a\" \"b\"]\n", "F:2:13: the values of a list are separated by commas"},
            {"[listen]\nbind = [\"a\",\n",
             "F:2:14: the values of a list are separated by commas, and it ends with ']'"},
            {"[app]\nenv = {A = \"1\"\n}\n",
             "F:2:15: a table in braces is written {NAME = VALUE, NAME = VALUE} on one"},
            {"[app]\na = \"x\" b = 3\n", "F:2:9: nothing may follow a value on its line, except a comment"},
            {"\xff\xfe", "F:1:1: this is not UTF-8; save the file in this encoding"},
    };
    for (const Case& one : cases) {
        CAPTURE(one.text);
        const Loaded loaded = load(one.text);
        REQUIRE(loaded.messages.size() == 1);
        CHECK(loaded.outcome == FileOutcome::Unusable);
        CHECK_THAT(loaded.messages.front(), Catch::StartsWith(one.message));
    }
}

TEST_CASE("a mistake that has no sentence of its own is said in the parser's words", "[load]") {
    CHECK(explain_syntax_error("a\nb", 2, 1, "odd thing") == "this is not valid TOML: odd thing");
    CHECK(explain_syntax_error("", 9, 9, "Error while parsing value: x") ==
          "the value is missing; expected a text in quotes, a number, true, false or a list in brackets");
}

TEST_CASE("a file that cannot be read is named with the reason", "[load]") {
    Effective effective;
    Problems problems;

    CHECK(load_file("/nonexistent/fettle.toml", effective, problems) == FileOutcome::Unusable);
    CHECK(load_file("/tmp", effective, problems) == FileOutcome::Unusable);
    CHECK(load_file("/dev/zero", effective, problems) == FileOutcome::Unusable);

    REQUIRE(problems.size() == 3);
    CHECK(problems[0].message() ==
          "/nonexistent/fettle.toml: cannot open the configuration file: No such file or directory");
    CHECK(problems[1].message() == "/tmp: this is a directory; expected a configuration file");
    CHECK(problems[2].message() == "/dev/zero: this is larger than 1 MB; expected a configuration file");
}

TEST_CASE("each value remembers its line and column", "[load]") {
    const TemporaryFile file("[http]\nmax_headers = 5\nserver_header = \"x\"\n");
    Effective effective;
    Problems problems;
    REQUIRE(load_file(file.path(), effective, problems) == FileOutcome::Walked);

    CHECK(effective.origin_of("http.max_headers") == Origin{Origin::File, file.path() + ":2:15"});
    CHECK(effective.origin_of("http.server_header") == Origin{Origin::File, file.path() + ":3:17"});
    CHECK(effective.origin_of("http.keep_alive") == Origin{});
}

}  // namespace fettle::config
