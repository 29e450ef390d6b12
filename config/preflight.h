// Checks of a configuration against this machine, before anything is started.
#pragma once

#include "config/origin.h"

namespace fettle::config {

// app.chdir, http.spool_dir and the directories of Unix sockets can be used, log files can be written. Creates nothing.
// Appends what is wrong to `problems`, which holds what is wrong already: a setting named there is not judged again.
void preflight(const Effective& effective, Problems& problems);

}  // namespace fettle::config
