#include "file_reader.h"

#include "aero/config/suggest.h"
#include "aero/core/text.h"

#include <algorithm>
#include <cmath>

namespace aero::cost {

bool FileReader::check_object(const JsonValue& object, const std::string& place) {
  if (object.kind != Kind::object) {
    fault(place, object.shown(), "expected an object {...}, not " + object.kind_text());
    return false;
  }
  return true;
}

bool FileReader::check_object(const JsonValue& object, const std::string& place,
                              const std::vector<std::string>& known) {
  if (!check_object(object, place)) return false;
  for (const auto& [key, value] : object.members) {  // open_cost_file() reports repeated keys
    if (std::ranges::find(known, key) != known.end()) continue;
    fault(below(place, key), value.shown(), "unknown key" + choice_hint(key, known));
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
  if (value != nullptr) return as_text(*value, below(place, key), hint).value_or("");
  fault(below(place, key), "", "missing; " + hint);
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
    fault("name", quoted(name),
          fmt::format("the file is called {}; write the same name", file_.stem));
  }
  return name;
}

std::vector<std::string> FileReader::names_in(const JsonValue& list, const std::string& key) {
  std::vector<std::string> names;
  if (list.kind != Kind::array) {
    fault(key, list.shown(), "expected a list of names, not " + list.kind_text());
    return names;
  }
  for (const auto& [no_key, name] : list.members) {
    if (name.kind != Kind::text) {
      fault(key, name.shown(), "expected a name in quotes, not " + name.kind_text());
    } else if (std::ranges::find(names, name.text) != names.end()) {
      fault(key, quoted(name.text), "stands here twice; keep one");
    } else {
      names.push_back(name.text);
    }
  }
  return names;
}

std::optional<Formula> FileReader::read_formula(const JsonValue& object, const std::string& place,
                                                const std::string& key) {
  const std::string written =
      text(object, place, key, "write a formula in quotes, as \"n * multiply\"");
  if (written.empty()) return std::nullopt;
  try {
    return Formula::parse(written);
  } catch (const FormulaError& error) {
    fault(below(place, key), quoted(written), error.what());
    return std::nullopt;
  }
}

}  // namespace aero::cost
