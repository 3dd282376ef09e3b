#include "aero/runs/layout.h"

#include "aero/core/text.h"

#include <charconv>

namespace aero::runs {
namespace {

constexpr std::string_view prefix = "step-";
constexpr std::size_t digits = 8;

}  // namespace

std::string step_name(std::int64_t step) {
  return fmt::format("{}{:0{}}", prefix, step, digits);
}

std::optional<std::int64_t> step_of(const std::string& name) {
  if (!name.starts_with(prefix)) return std::nullopt;
  std::int64_t step = -1;
  std::from_chars(name.data() + prefix.size(), name.data() + name.size(), step);
  if (step < 0 || step_name(step) != name) return std::nullopt;
  return step;
}

std::vector<std::string> missing_files(const std::filesystem::path& folder) {
  std::vector<std::string> missing;
  std::error_code ignored;
  for (const char* name : checkpoint_files) {
    if (!std::filesystem::is_regular_file(folder / name, ignored)) missing.emplace_back(name);
  }
  return missing;
}

bool is_whole(const std::filesystem::path& folder) {
  return missing_files(folder).empty();
}

}  // namespace aero::runs
