// Checks across settings. Single values were checked where they were read.
#pragma once

#include "config/origin.h"

namespace fettle::config {

enum class Purpose {
    Serve,  // the application is going to be loaded: app.target is required
    Show,
};

// Appends what is wrong to `problems`, which holds what is wrong with single values: a setting named there is not
// judged again.
void validate(const Effective& effective, Purpose purpose, Problems& problems);

}  // namespace fettle::config
