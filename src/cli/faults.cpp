#include "cli/faults.h"

#include "aero/core/log.h"
#include "aero/core/text.h"
#include "aero/report/format.h"

#include <cstdlib>
#include <filesystem>
#include <new>
#include <stdexcept>
#include <string_view>
#include <system_error>

namespace aero::cli {
namespace {

/// Finds the requested size in the message of an allocator of LibTorch. The CPU's says "you tried
/// to allocate 123 bytes", a GPU's "Tried to allocate 20.00 GiB".
std::string bytes_asked_for(const std::string& message) {
  constexpr std::string_view before = "ried to allocate ";
  const auto at = message.find(before);
  if (at == std::string::npos) return "";
  char* end = nullptr;
  const double amount = std::strtod(message.c_str() + at + before.size(), &end);
  const std::string_view unit(end);
  const double bytes = unit.starts_with(" KiB")   ? amount * 0x1p10
                       : unit.starts_with(" MiB") ? amount * 0x1p20
                       : unit.starts_with(" GiB") ? amount * 0x1p30
                                                  : amount;
  return bytes > 0 ? report::traffic_text(bytes) : "";
}

/// Whether LibTorch complains of missing memory, or of a size that no memory holds.
bool is_about_memory(const std::string& message) {
  for (const char* words : {"can't allocate memory", "out of memory", "calculation overflowed",
                            "multiplication overflow", "numel: integer"}) {
    if (message.find(words) != std::string::npos) return true;
  }
  return false;
}

std::string shortage_text(const std::string& asked) {
  return asked.empty() ? "not enough memory"
                       : "not enough memory to allocate " + asked + " at once";
}

void report_unforeseen(const std::string& words) {
  log::error("a fault in AERO itself, or an input that it should have refused; -v shows more");
  log::debug(words);
}

}  // namespace

std::optional<std::string> missing_memory() {
  if (const auto message = torch_message()) {
    return is_about_memory(*message) ? std::optional(bytes_asked_for(*message)) : std::nullopt;
  }
  try {
    throw;
  } catch (const std::bad_alloc&) {
    return "";
  } catch (const std::length_error&) {
    return "";
  } catch (...) {
  }
  return std::nullopt;
}

void rethrow_with_advice(const std::string& advice) {
  if (const auto asked = missing_memory()) {
    throw Error(fmt::format("{}; {}", shortage_text(*asked), advice));
  }
  throw;
}

ExitCode report_fault() {
  if (const auto asked = missing_memory()) {
    log::error(shortage_text(*asked) + "; a smaller batch, context or model needs less");
    return ExitCode::failure;
  }
  try {
    throw;
  } catch (const Error& error) {
    log::error(error.what());
    return error.code();
  } catch (const std::filesystem::filesystem_error& error) {
    log::error(fmt::format("cannot use '{}': {}", error.path1().string(), error.code().message()));
  } catch (const std::system_error& error) {
    log::error("the system refused: " + error.code().message());
  } catch (const std::exception& error) {
    report_unforeseen(torch_message().value_or(error.what()));
  } catch (...) {
    report_unforeseen("an exception of an unknown type");
  }
  return ExitCode::failure;
}

}  // namespace aero::cli
