#include "field_table.h"

#include "aero/config/suggest.h"
#include "aero/core/text.h"

#include <algorithm>

namespace aero {

const Field* FieldTable::find(const std::string& path) const {
  for (const Section& section : sections_) {
    const auto field = std::ranges::find(section.fields, path, &Field::path);
    if (field != section.fields.end()) return &*field;
  }
  return nullptr;
}

bool FieldTable::is_section(const std::string& path) const {
  return !path.empty() && std::ranges::find(sections_, path, &Section::path) != sections_.end();
}

std::vector<std::string> FieldTable::keys(const std::string& section) const {
  std::vector<std::string> keys;
  for (const std::string& path : paths()) {
    if (section_of(path) == section) keys.push_back(key_of(path));
  }
  return keys;
}

std::string FieldTable::unknown_key(const std::string& section, const std::string& key) const {
  std::string best;
  std::size_t best_cost = suggestion_limit(key) + 1;
  for (const std::string& path : paths()) {
    // A key of another section counts as one edit more.
    const bool elsewhere = section_of(path) != section;
    const std::size_t cost = edit_distance(key, key_of(path)) + (elsewhere ? 1 : 0);
    if (cost < best_cost) {
      best = elsewhere ? path : key_of(path);
      best_cost = cost;
    }
  }
  if (!best.empty()) return fmt::format("unknown key, did you mean \"{}\"?", best);
  if (const auto here = keys(section); !here.empty()) {
    return "unknown key; the keys here are " + join(here);
  }
  return fmt::format("unknown key; \"{}\" has no keys of its own", section);
}

std::vector<std::string> FieldTable::paths() const {
  std::vector<std::string> paths;
  for (const Section& section : sections_) {
    if (!section.path.empty()) paths.push_back(section.path);
    for (const Field& field : section.fields) paths.push_back(field.path);
  }
  return paths;
}

std::string section_of(const std::string& path) {
  const std::size_t dot = path.rfind('.');
  return dot == std::string::npos ? "" : path.substr(0, dot);
}

std::string key_of(const std::string& path) {
  return path.substr(path.rfind('.') + 1);
}

}  // namespace aero
