// The name a process shows in ps(1) and top(1).
#pragma once

#include <string_view>

namespace fettle {

// Sets what `ps` shows (/proc/self/cmdline) and the thread's name (/proc/self/comm, cut to 15 bytes). The title is written over the
// memory of argv and the environment; the environment is moved away first. Afterwards argv and pointers that getenv() gave earlier
// must not be used any more. Call it on the main thread while no other thread reads the environment. Without /proc only the thread's name changes.
void set_process_title(std::string_view title);

}   // namespace fettle
