#pragma once

#include "aero/core/error.h"

#include <functional>
#include <optional>
#include <string>

namespace aero::cli {

/// Logs the exception at hand as one message in AERO's words, and returns the exit code. Only -v
/// shows the messages of LibTorch and of the standard library. Call it in a catch block.
ExitCode report_fault();

/// Returns the message of LibTorch's exception, without its trace; nothing for another exception.
/// Each program has its own: `aero` does not know LibTorch. Call it in a catch block.
std::optional<std::string> torch_message();

/// Returns how much memory could not be allocated, "4.20 TB", or an empty text where the amount is
/// unknown; nothing where the exception at hand is not about memory. Call it in a catch block.
std::optional<std::string> missing_memory();

/// Throws an Error that names the missing memory and ends with `advice`. Where the exception at
/// hand is not about memory, throws that exception again.
[[noreturn]] void rethrow_with_advice(const std::string& advice);

/// Returns what `work` returns. Where it runs out of memory, throws an Error that ends with what
/// `advice` returns.
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
