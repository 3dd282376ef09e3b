#include "file_reader.h"

#include "aero/config/suggest.h"
#include "aero/core/error.h"
#include "aero/core/files.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <set>

namespace aero::cost {

CostFile open_cost_file(const std::string& name_or_path, std::span<const EmbeddedFile> built_in,
                        const std::string& what, const std::string& folder) {
  if (name_or_path.find('/') != std::string::npos || name_or_path.ends_with(".json")) {
    try {
      return {name_or_path, std::filesystem::path(name_or_path).stem().string(),
              read_file(name_or_path)};
    } catch (const Error& error) {
      throw UsageError(what + ": " + error.what());
    }
  }
  const auto found = std::ranges::find(built_in, name_or_path, &EmbeddedFile::name);
  if (found == built_in.end()) {
    throw UsageError(what + " \"" + name_or_path + "\": unknown name" +
                     choice_hint(name_or_path, file_names(built_in)) +
                     "; a file of your own is named by its path, as \"./" + name_or_path +
                     ".json\"");
  }
  const std::string name(found->name);
  return {folder + "/" + name + ".json", name, std::string(found->text)};
}

std::vector<std::string> file_names(std::span<const EmbeddedFile> built_in) {
  std::vector<std::string> names;
  for (const EmbeddedFile& file : built_in) names.emplace_back(file.name);
  return names;
}

JsonValue FileReader::parse(const std::string& what) const {
  JsonValue root;
  try {
    root = parse_json(file_.text);
  } catch (const JsonError& error) {
    throw UsageError(file_.source + ": " + error.what());
  }
  if (root.kind != Kind::object) {
    throw UsageError(file_.source + ": " + what + " is an object {...}, not " + root.kind_text());
  }
  return root;
}

const JsonValue* FileReader::find(const JsonValue& object, const std::string& key) {
  const auto found = std::ranges::find(object.members, key, &JsonMember::key);
  return found == object.members.end() ? nullptr : &found->value;
}

bool FileReader::check_object(const JsonValue& object, const std::string& place) {
  if (object.kind != Kind::object) {
    fault(place, object.shown(), "expected an object {...}, not " + object.kind_text());
    return false;
  }
  std::set<std::string> seen;
  for (const auto& [key, value] : object.members) {
    if (!seen.insert(key).second) {
      fault(below(place, key), value.shown(), "this key stands here twice; keep one");
    }
  }
  return true;
}

bool FileReader::check_object(const JsonValue& object, const std::string& place,
                              const std::vector<std::string>& known) {
  if (!check_object(object, place)) return false;
  for (const auto& [key, value] : object.members) {
    if (std::ranges::find(known, key) == known.end()) {
      fault(below(place, key), value.shown(), "unknown key" + choice_hint(key, known));
    }
  }
  return true;
}

const JsonValue* FileReader::object(const JsonValue& parent, const std::string& key) {
  const auto* value = find(parent, key);
  return value != nullptr && check_object(*value, key) ? value : nullptr;
}

std::string FileReader::text(const JsonValue& parent, const std::string& place,
                             const std::string& key, const std::string& hint) {
  const auto* value = find(parent, key);
  if (value == nullptr) {
    fault(below(place, key), "", "missing; " + hint);
  } else if (value->kind != Kind::text) {
    fault(below(place, key), value->shown(), "expected a text, not " + value->kind_text());
  } else if (value->text.empty()) {
    fault(below(place, key), "\"\"", "is empty; " + hint);
  } else {
    return value->text;
  }
  return "";
}

std::optional<double> FileReader::number(const JsonValue& parent, const std::string& place,
                                         const std::string& key) {
  const auto* value = find(parent, key);
  if (value == nullptr) {
    fault(below(place, key), "", "missing; write a number");
    return std::nullopt;
  }
  const double found =
      value->kind == Kind::integer ? static_cast<double>(value->integer) : value->real;
  if (value->kind != Kind::integer && value->kind != Kind::real) {
    fault(below(place, key), value->shown(), "expected a number, not " + value->kind_text());
  } else if (!std::isfinite(found)) {
    fault(below(place, key), value->shown(), "expected a finite number");
  } else {
    return found;
  }
  return std::nullopt;
}

std::string FileReader::read_name(const JsonValue& root) {
  const std::string name = text(root, "", "name", "write the file's name without .json");
  if (!name.empty() && name != file_.stem) {
    fault("name", quoted(name), "the file is called " + file_.stem + "; name it alike");
  }
  return name;
}

}  // namespace aero::cost
