// The exit codes of `fettle`; documented in docs/operations.md.
#pragma once

namespace fettle {

enum class ExitCode : int {
    Ok = 0,             // stopped on request (TERM, INT, QUIT), or the subcommand succeeded
    Internal = 1,       // an unexpected failure of fettle or of the operating system
    Usage = 2,          // wrong command line
    NeverReady = 3,     // no worker ever became ready
    AppLoad = 4,        // the application could not be imported
    Bind = 5,           // an address to listen on is taken, refused or invalid
    Interpreter = 6,    // the Python interpreter is missing, or no fettle runtime is installed for its ABI
    Configuration = 7,  // the configuration is invalid
};

}  // namespace fettle
