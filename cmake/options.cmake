# fettle_options: the language level, include root, warnings and hardening of all our targets.
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)

add_library(fettle_options INTERFACE)
target_compile_features(fettle_options INTERFACE cxx_std_20)
target_include_directories(fettle_options INTERFACE ${CMAKE_SOURCE_DIR})
target_compile_options(fettle_options INTERFACE
    -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wold-style-cast -Wnon-virtual-dtor -Woverloaded-virtual -Wcast-align
    -Wformat=2 -Wimplicit-fallthrough -Wundef -Werror=switch -Werror=return-type -fno-omit-frame-pointer)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # Designated initialisers leave the rest at the default on purpose.
    target_compile_options(fettle_options INTERFACE -Wduplicated-cond -Wlogical-op -Wno-missing-field-initializers)
endif()
target_compile_definitions(fettle_options INTERFACE _GNU_SOURCE _GLIBCXX_ASSERTIONS FETTLE_VERSION="${PROJECT_VERSION}")
if(FETTLE_WERROR)
    target_compile_options(fettle_options INTERFACE -Werror)
endif()
if(FETTLE_FUZZ)
    target_compile_options(fettle_options INTERFACE -fsanitize=fuzzer-no-link)   # coverage for the fuzzer; its main comes with the targets
endif()
if(FETTLE_SANITIZE)
    # Without vptr: that check opens a pipe to look at an object, and reports a healthy one when a test has used up all descriptors.
    target_compile_options(fettle_options INTERFACE -fsanitize=${FETTLE_SANITIZE} -fno-sanitize=vptr -fno-sanitize-recover=all)
    target_link_options(fettle_options INTERFACE -fsanitize=${FETTLE_SANITIZE})
elseif(CMAKE_BUILD_TYPE STREQUAL "RelWithDebInfo" OR CMAKE_BUILD_TYPE STREQUAL "Release")
    target_compile_options(fettle_options INTERFACE -D_FORTIFY_SOURCE=2 -fstack-protector-strong)
    target_link_options(fettle_options INTERFACE -Wl,-z,relro,-z,now)
endif()
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
