#pragma once

// LibTorch brings its own copy of {fmt}, which differs from the system's. Header-only use keeps
// them apart: files that see LibTorch's headers use its copy, all other files use the system's.
//
// Calls name the namespace, fmt::format("{} of {:.1f} GB", name, size): without it they are
// ambiguous where the standard library has a std::format, too.
#ifndef FMT_HEADER_ONLY
#define FMT_HEADER_ONLY
#endif
#include <fmt/format.h>  // IWYU pragma: export
