#pragma once

#include "aero/config/fields.h"

#include <string>
#include <utility>
#include <vector>

namespace aero {

/// Finds fields and sections by path.
class FieldTable {
 public:
  explicit FieldTable(std::vector<Section> sections) : sections_(std::move(sections)) {}

  std::vector<Section>& sections() { return sections_; }

  const Field* find(const std::string& path) const;
  bool is_section(const std::string& path) const;
  /// The keys of a section, its sub-sections included: "n_layer", "dropout".
  std::vector<std::string> keys(const std::string& section) const;
  /// Writes the message about a key that is neither, with the nearest known one.
  std::string unknown_key(const std::string& section, const std::string& key) const;

 private:
  std::vector<std::string> paths() const;

  std::vector<Section> sections_;
};

/// "model.dropout" of "model.dropout.embedding", "" of "seed".
std::string section_of(const std::string& path);

/// "embedding" of "model.dropout.embedding".
std::string key_of(const std::string& path);

}  // namespace aero
