#include "aero/config/faults.h"

#include "aero/core/error.h"
#include "aero/core/text.h"

namespace aero {

void Faults::add(const std::string& source, const std::string& path, const std::string& value,
                 const std::string& message) {
  lines_.push_back(
      fmt::format("{}: {}: {}{}", source, path, value.empty() ? "" : value + ": ", message));
  paths_.insert(path);
}

void Faults::add_unreadable(const std::string& source, const std::string& message) {
  lines_.push_back(fmt::format("{}: {}", source, message));
  unreadable_ = true;
}

void Faults::append(const Faults& others) {
  lines_.insert(lines_.end(), others.lines_.begin(), others.lines_.end());
  paths_.insert(others.paths_.begin(), others.paths_.end());
  unreadable_ = unreadable_ || others.unreadable_;
}

void Faults::throw_if_any() const {
  if (lines_.empty()) return;
  std::string text;
  for (const std::string& line : lines_) text += (text.empty() ? "" : "\n") + line;
  throw UsageError(text);
}

}  // namespace aero
