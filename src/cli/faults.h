#pragma once

#include "aero/core/error.h"

#include <functional>
#include <optional>
#include <string>

namespace aero::cli {

/// Called where an exception was caught: logs it as one message in AERO's words and returns the
/// exit code. What LibTorch or the standard library say of themselves is shown by -v alone.
ExitCode tell_fault();

/// Called where an exception was caught. How much memory was asked for in vain, "4.20 TB", or an
/// empty text where that is unknown; nothing where memory was not what was missing.
std::optional<std::string> missing_memory();

/// Throws Error that says what was too large, as `advice` tells it, for the exception at hand;
/// throws that itself again where memory was not what was missing.
[[noreturn]] void rethrow_with_advice(const std::string& advice);

/// What `work` returns. Where it runs out of memory, throws Error that ends with what `advice`
/// returns.
template <class Work>
auto within_memory(Work&& work, const std::function<std::string()>& advice) {
  try {
    return work();
  } catch (const Error&) {
    throw;
  } catch (...) {
    rethrow_with_advice(advice());
  }
}

}  // namespace aero::cli
