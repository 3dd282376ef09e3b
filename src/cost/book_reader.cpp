#include "book_reader.h"

#include "aero/config/suggest.h"
#include "aero/core/text.h"

#include "primitive_calls.h"

#include <algorithm>
#include <iterator>
#include <set>

namespace aero::cost {

std::map<std::string, Dimension> config_dimensions() {
  return {{"T", {}}, {"V", {}}, {"L", {}}, {"H", {}}, {"d", {}}};
}

std::map<std::string, Dimension> latency_dimensions() {
  auto names = config_dimensions();
  names["comm_bytes"] = {1, 0};
  names["gmac"] = {};
  return names;
}

PrimitiveBook BookReader::read() {
  PrimitiveBook book(file_.source, read_constants(), read_primitives());
  // Everything that uses an unreadable unit or formula would report the fault again.
  if (!faults_.empty()) return book;
  check_names(book);
  book.check(file_, faults_);
  check_callers(book);
  if (faults_.empty()) book.leave_out_unknown(file_, faults_);
  return book;
}

std::map<std::string, Constant> BookReader::read_constants() {
  std::map<std::string, Constant> constants;
  if (find(file_.root, "constants") == nullptr) {
    fault("constants", "", "missing; write {} if formulas need none");
  }
  const auto* list = object(file_.root, "constants");
  if (list == nullptr) return constants;
  for (const auto& [name, value] : list->members) {
    const std::string place = "constants." + name;
    if (!is_name(name)) {
      fault(place, value.shown(), "a name is a letter, then letters, digits and underscores");
    } else if (latency_dimensions().contains(name)) {
      fault(place, value.shown(), "formulas use this name for something else; rename it");
    }
    if (check_object(value, place, {"value", "unit", "source"})) {
      constants[name] = read_constant(value, place);
    }
  }
  return constants;
}

Constant BookReader::read_constant(const JsonValue& object, const std::string& place) {
  text(object, place, "source", "say where this number comes from");
  const auto* written = find(object, "value");
  const bool is_unknown = written != nullptr && written->kind == Kind::null;
  const auto value = is_unknown ? std::nullopt : number(object, place, "value");
  const std::string unit_text =
      text(object, place, "unit",
           fmt::format("one of: {}, or one divided by another: s/GB", join(unit_names())));
  const auto unit = parse_unit(unit_text);
  if (!unit && !unit_text.empty()) {
    fault(place + ".unit", quoted(unit_text),
          fmt::format("unknown unit{}, or one divided by another: s/GB",
                      choice_hint(unit_text, unit_names())));
  }
  if (!unit) return {};
  if (!value) return {std::nullopt, unit->dimension};
  return {*value * unit->factor, unit->dimension};
}

std::map<std::string, PrimitiveEntry> BookReader::read_primitives() {
  std::map<std::string, PrimitiveEntry> primitives;
  if (find(file_.root, "primitives") == nullptr) {
    fault("primitives", "", "missing; write a formula for each operation of a model");
  }
  const auto* list = object(file_.root, "primitives");
  if (list == nullptr) return primitives;
  const auto functions = known_functions();
  for (const auto& [name, value] : list->members) {
    const std::string place = "primitives." + name;
    if (!is_name(name)) {
      fault(place, value.shown(), "a name is a letter, then letters, digits and underscores");
    } else if (std::ranges::find(functions, name) != functions.end()) {
      fault(place, value.shown(), "is a function of every formula; rename it");
    }
    if (check_object(value, place,
                     {"arguments", "bytes", "rounds", "seconds", "number", "source"})) {
      primitives[name] = read_primitive(value, place, name);
    }
  }
  return primitives;
}

PrimitiveEntry BookReader::read_primitive(const JsonValue& object, const std::string& place,
                                          const std::string& name) {
  text(object, place, "source", "say where these formulas come from");
  PrimitiveEntry primitive;
  primitive.arguments = read_arguments(object, place, name);
  const bool is_number = find(object, "number") != nullptr;
  if (is_number) check_number(object, place, name);
  for (const auto& [quantity, key, dimension] : quantities) {
    const bool is_needed = quantity == Quantity::bytes && !is_number;
    if (!is_needed && find(object, key) == nullptr) continue;
    primitive.formulas[static_cast<std::size_t>(quantity)] = read_formula(object, place, key);
  }
  return primitive;
}

/// Refuses costs beside a number: a helper that gives a plain number has no cost of its own.
void BookReader::check_number(const JsonValue& object, const std::string& place,
                              const std::string& name) {
  const std::string key = below(place, "number");
  if (std::ranges::find(called_primitives(), name, &CalledPrimitive::name) !=
      called_primitives().end()) {
    fault(key, "", "an operation of a model costs bytes; write bytes, not a number");
  }
  for (const auto& [quantity, other, dimension] : quantities) {
    if (quantity == Quantity::number || find(object, other) == nullptr) continue;
    fault(below(place, other), "", "a primitive gives costs or a number, not both; remove one");
  }
}

std::vector<std::string> BookReader::read_arguments(const JsonValue& object,
                                                    const std::string& place,
                                                    const std::string& name) {
  const auto called = std::ranges::find(called_primitives(), name, &CalledPrimitive::name);
  const bool is_called = called != called_primitives().end();
  const std::string expected = is_called ? "expected a name for each of: " + join(called->arguments)
                                         : "expected a list of names, as [\"n\"]";
  const auto* list = find(object, "arguments");
  const std::string key = below(place, "arguments");
  if (list == nullptr) {
    fault(key, "", "missing; " + expected);
    return {};
  }
  auto arguments = names_in(*list, key);
  for (const std::string& argument : arguments) {
    if (!is_name(argument)) {
      fault(key, quoted(argument), "a name is a letter, then letters, digits and underscores");
    }
  }
  if (is_called && arguments.size() != called->arguments.size()) {
    fault(key, list->shown(), expected);
  }
  return arguments;
}

void BookReader::check_names(const PrimitiveBook& book) {
  for (const auto& [name, primitive] : book.primitives()) {
    for (const std::string& argument : primitive.arguments) {
      if (!book.constants().contains(argument)) continue;
      fault("primitives." + name + ".arguments", quoted(argument),
            "is a constant, too; rename one of them");
    }
  }
}

/// Collects the primitives that no operation and no formula uses. A name near to an operation's is
/// a fault, since a misspelt name would leave its operation unpriced.
void BookReader::check_callers(const PrimitiveBook& book) {
  std::vector<std::string> operations;
  for (const CalledPrimitive& called : called_primitives()) operations.push_back(called.name);
  std::set<std::string> called(operations.begin(), operations.end());
  for (const auto& [name, primitive] : book.primitives()) {
    for (const auto& formula : primitive.formulas) {
      if (formula) std::ranges::copy(formula->calls(), std::inserter(called, called.end()));
    }
  }
  for (const auto& [name, primitive] : book.primitives()) {
    if (called.contains(name)) continue;
    const std::string near = nearest(name, operations);
    // A change of more than one letter in three is not a slip.
    if (near.empty() || 3 * edit_distance(name, near) > name.size()) {
      uncalled_.push_back(name);
    } else {
      fault("primitives." + name, "",
            fmt::format("no operation has this name, and no formula calls it{}",
                        choice_hint(name, operations)));
    }
  }
}

}  // namespace aero::cost
