#pragma once

// LibTorch brings its own copy of {fmt}, which differs from the system's. Header-only use keeps
// them apart: files that see LibTorch's headers use its copy, all other files use the system's.
#ifndef FMT_HEADER_ONLY
#define FMT_HEADER_ONLY
#endif
#include <fmt/format.h>

namespace aero {

/// Formats with {fmt}: format("{} of {:.1f} GB", name, size). The compiler checks the pattern.
using fmt::format;

}  // namespace aero
