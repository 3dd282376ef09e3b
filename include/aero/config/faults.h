#pragma once

#include <cstddef>
#include <set>
#include <string>
#include <vector>

namespace aero {

/// Collects what is wrong with a config, to report it all at once.
class Faults {
 public:
  /// Adds one fault: "source: path: value: message".
  void add(const std::string& source, const std::string& path, const std::string& value,
           const std::string& message);

  /// Adds a file that could not be read, so that the values of its keys are unknown.
  void add_unreadable(const std::string& source, const std::string& message);

  /// Adds the faults that another reader of the same file found.
  void append(const Faults& others);

  bool empty() const { return lines_.empty(); }
  /// Whether any file could not be read.
  bool any_unreadable() const { return unreadable_; }
  /// Whether the value of this key was refused. The config then holds another value than the user
  /// meant.
  bool at(const std::string& path) const { return paths_.contains(path); }

  /// Throws UsageError with one line for each fault, if there are any.
  void throw_if_any() const;

 private:
  std::vector<std::string> lines_;
  std::set<std::string> paths_;
  bool unreadable_ = false;
};

}  // namespace aero
