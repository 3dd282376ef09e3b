#pragma once

// LibTorch brings an {fmt} of its own, which is another than the system's: header-only, each file
// that sees LibTorch uses the one, each other file the other.
#ifndef FMT_HEADER_ONLY
#define FMT_HEADER_ONLY
#endif
#include <fmt/format.h>

namespace aero {

/// {fmt}'s: format("{} of {:.1f} GB", name, size), checked when it is compiled.
using fmt::format;

}  // namespace aero
