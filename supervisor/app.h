// The supervisor: binds the listening sockets, starts the balancer, the zygote and the workers, keeps them alive and
// stops them.
//
// run() owns the calling process until the service ends: it becomes a subreaper, takes over the signals TERM, INT,
// QUIT, HUP, USR1, USR2, WINCH, PIPE and CHLD, changes the process title and raises the soft limit of descriptors to
// the hard one. Call it on the main thread, before any other thread exists except the log's (a parent-death signal of a
// child follows the thread that forked it), after prepare_own_process() (process/own_process.h) and with the log sink
// installed: every failure is said there once, with what to do about it.
#pragma once

#include "base/exit_codes.h"
#include "config/schema.h"

#include <string>

namespace fettle::supervisor {

struct Options {
    config::Config config;                      // effective and validated
    std::string runtime_directory;              // holds fettle/boot.py and fettle/_fettle<EXT_SUFFIX>
    std::string executable = "/proc/self/exe";  // what `balancer` is started from
};

// Returns when the service has ended: Ok after TERM, INT or QUIT; else why it could not start (NeverReady, AppLoad,
// Bind, Interpreter, Internal). No child process, socket file or descriptor is left behind.
[[nodiscard]] ExitCode run(const Options& options);

}  // namespace fettle::supervisor
