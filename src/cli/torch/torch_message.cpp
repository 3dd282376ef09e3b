#include "cli/faults.h"

#include <c10/util/Exception.h>

namespace aero::cli {

std::optional<std::string> torch_message() {
  try {
    throw;
  } catch (const c10::Error& error) {
    return error.what_without_backtrace();
  } catch (...) {
    return std::nullopt;
  }
}

}  // namespace aero::cli
