// What ps(1), top(1) and pgrep(1) show of this process.
#pragma once

#include <string_view>

namespace fettle::worker {

// "fettle: worker 3": written over the memory of the command line (cut to its size), and without the blanks and cut to
// 15 bytes as the name of the main thread. Call on the main thread. Does nothing where /proc is not there.
void set_process_title(std::string_view title);

}  // namespace fettle::worker
