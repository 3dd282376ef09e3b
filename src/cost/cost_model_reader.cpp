#include "aero/config/enum_names.h"
#include "aero/config/suggest.h"

#include "cost_model_description.h"
#include "primitive_calls.h"

#include <algorithm>
#include <iterator>
#include <set>

namespace aero::cost {
namespace {

using Dimensions = std::map<std::string, Dimension>;

/// Names of formulas over a config, which no constant may take.
Dimensions config_dimensions() {
  return {{"T", {}}, {"V", {}}, {"L", {}}, {"H", {}}, {"d", {}}};
}

Dimensions latency_dimensions() {
  Dimensions names = config_dimensions();
  names["comm_bytes"] = {1, 0};
  names["gmac"] = {};
  return names;
}

const std::string formula_hint = "write a formula in quotes, as \"n * multiply\"";

class Reader : private FileReader {
 public:
  explicit Reader(const CostFile& file) : FileReader(file) {}

  CostModel::Description read() {
    const JsonValue root = parse("a cost model");
    PrimitiveBook book(file_.source, read_constants(root), read_primitives(root));
    // A unit or a formula that could not be read would be told again by all that build on it.
    std::vector<std::string> uncalled;
    if (faults_.empty()) {
      check_names(book);
      book.check(faults_);
      uncalled = check_callers(book);
    }
    check_object(root, "",
                 {"name", "protocol", "field", "security", "source", "private", "constants",
                  "primitives", "uncharged", "joined", "setup", "latency", "exceptions", "notes"});
    CostModel::Description result{.about = read_about(root), .book = std::move(book)};
    result.temperature = read_temperature(root);
    result.uncharged = read_uncharged(root);
    result.joined = read_joined(root);
    read_setup(root, result);
    read_latency(root, result);
    result.exceptions = read_exceptions(root, result.book);
    result.notes = read_notes(root);
    if (!uncalled.empty()) {
      result.notes.push_back(
          "Nothing calls these primitives, which are no operation's: " + join(uncalled) + ".");
    }
    faults_.throw_if_any();
    return result;
  }

 private:
  CostModelAbout read_about(const JsonValue& root) {
    CostModelAbout about{
        .name = read_name(root),
        .protocol = text(root, "", "protocol", "say which protocol the numbers belong to"),
        .field = text(root, "", "field", "say how numbers are represented, as \"FM64\""),
        .security = text(root, "", "security", "say against whom, as \"semi-honest, two parties\""),
        .source = text(root, "", "source", "say where the numbers come from"),
        .private_to = {}};
    if (find(root, "private") == nullptr) {
      fault("private", "", R"(missing; say who knows what, as {"temperatures": "server"})");
    } else if (const auto* known = object(root, "private")) {
      for (const auto& [what, value] : known->members) {
        about.private_to.emplace_back(what, text(*known, "private", what, "say who knows it"));
      }
    }
    return about;
  }

  Operand read_temperature(const JsonValue& root) {
    const auto* known = find(root, "private");
    if (known == nullptr || known->kind != Kind::object) return Operand::weight;
    const std::string hint = R"(write "server" or "public")";
    const bool is_there = find(*known, "temperatures") != nullptr;
    const std::string who = is_there ? find(*known, "temperatures")->text
                                     : text(*known, "private", "temperatures", hint);
    if (is_there && !who.empty() && who != "server" && who != "public") {
      fault("private.temperatures", quoted(who),
            R"(expected "server" (priced as a weight) or "public" (priced as a constant))");
    }
    return who == "public" ? Operand::constant : Operand::weight;
  }

  std::map<std::string, Constant> read_constants(const JsonValue& root) {
    std::map<std::string, Constant> constants;
    if (find(root, "constants") == nullptr) {
      fault("constants", "", "missing; write {} where formulas need none");
    }
    const auto* list = object(root, "constants");
    if (list == nullptr) return constants;
    for (const auto& [name, value] : list->members) {
      const std::string place = "constants." + name;
      if (!is_name(name)) {
        fault(place, value.shown(), "a name is a letter, then letters, digits and underscores");
      } else if (latency_dimensions().contains(name)) {
        fault(place, value.shown(), "formulas know this name as something else; rename it");
      }
      if (check_object(value, place, {"value", "unit", "source"})) {
        constants[name] = read_constant(value, place);
      }
    }
    return constants;
  }

  Constant read_constant(const JsonValue& object, const std::string& place) {
    text(object, place, "source", "say where this number comes from");
    const auto value = number(object, place, "value");
    const std::string unit_text =
        text(object, place, "unit", "one of: " + join(unit_names()) + ", or one by another: s/GB");
    const auto unit = parse_unit(unit_text);
    if (!unit && !unit_text.empty()) {
      fault(place + ".unit", quoted(unit_text),
            "unknown unit" + choice_hint(unit_text, unit_names()) + ", or one by another: s/GB");
    }
    if (!unit) return {};
    return {value.value_or(0) * unit->factor, unit->dimension};
  }

  std::map<std::string, Primitive> read_primitives(const JsonValue& root) {
    std::map<std::string, Primitive> primitives;
    if (find(root, "primitives") == nullptr) {
      fault("primitives", "", "missing; write a formula for each operation of a model");
    }
    const auto* list = object(root, "primitives");
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

  Primitive read_primitive(const JsonValue& object, const std::string& place,
                           const std::string& name) {
    text(object, place, "source", "say where these formulas come from");
    Primitive primitive;
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

  /// A helper that gives a plain number costs nothing by itself.
  void check_number(const JsonValue& object, const std::string& place, const std::string& name) {
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

  std::vector<std::string> read_arguments(const JsonValue& object, const std::string& place,
                                          const std::string& name) {
    const auto called = std::ranges::find(called_primitives(), name, &CalledPrimitive::name);
    const bool is_called = called != called_primitives().end();
    const std::string expected = is_called
                                     ? "expected a name for each of: " + join(called->arguments)
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

  /// A list of texts, all different.
  std::vector<std::string> names_in(const JsonValue& list, const std::string& key) {
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

  std::optional<Formula> read_formula(const JsonValue& object, const std::string& place,
                                      const std::string& key) {
    const std::string written = text(object, place, key, formula_hint);
    if (written.empty()) return std::nullopt;
    try {
      return Formula::parse(written);
    } catch (const FormulaError& error) {
      fault(below(place, key), quoted(written), error.what());
      return std::nullopt;
    }
  }

  void check_names(const PrimitiveBook& book) {
    for (const auto& [name, primitive] : book.primitives()) {
      for (const std::string& argument : primitive.arguments) {
        if (!book.constants().contains(argument)) continue;
        fault("primitives." + name + ".arguments", quoted(argument),
              "is a constant, too; rename one of them");
      }
    }
  }

  /// Primitives that are no operation's and that no formula calls, but for those whose names are
  /// near to an operation's: a misspelt one would leave its operation unpriced.
  std::vector<std::string> check_callers(const PrimitiveBook& book) {
    std::vector<std::string> operations;
    for (const CalledPrimitive& called : called_primitives()) operations.push_back(called.name);
    std::set<std::string> called(operations.begin(), operations.end());
    for (const auto& [name, primitive] : book.primitives()) {
      for (const auto& formula : primitive.formulas) {
        if (formula) std::ranges::copy(formula->calls(), std::inserter(called, called.end()));
      }
    }
    std::vector<std::string> uncalled;
    for (const auto& [name, primitive] : book.primitives()) {
      if (called.contains(name)) continue;
      const std::string near = nearest(name, operations);
      // One letter in three is more than a slip.
      if (near.empty() || 3 * edit_distance(name, near) > name.size()) {
        uncalled.push_back(name);
      } else {
        fault(
            "primitives." + name, "",
            "no operation has this name, and no formula calls it" + choice_hint(name, operations));
      }
    }
    return uncalled;
  }

  std::map<std::string, std::string> read_uncharged(const JsonValue& root) {
    std::map<std::string, std::string> reasons;
    const auto* list = object(root, "uncharged");
    if (list == nullptr) return reasons;
    for (const auto& [name, value] : list->members) {
      check_operation("uncharged." + name, name);
      reasons[name] = text(*list, "uncharged", name, "say why this operation costs nothing here");
    }
    return reasons;
  }

  std::vector<std::vector<std::string>> read_joined(const JsonValue& root) {
    std::vector<std::vector<std::string>> groups;
    const auto* list = find(root, "joined");
    if (list == nullptr) return groups;
    if (list->kind != Kind::array) {
      fault("joined", list->shown(), R"(expected a list of lists, as [["q", "k", "v"]])");
      return groups;
    }
    for (const auto& [no_key, group] : list->members) {
      groups.push_back(names_in(group, "joined"));
      for (const std::string& name : groups.back()) check_operation("joined", name);
    }
    return groups;
  }

  void check_operation(const std::string& key, const std::string& name) {
    const auto known = operation_names();
    if (std::ranges::find(known, name) == known.end()) {
      fault(key, quoted(name), "no operation has this name" + choice_hint(name, known));
    }
  }

  void read_setup(const JsonValue& root, CostModel::Description& result) {
    const auto* setup = object(root, "setup");
    if (setup == nullptr) return;
    check_object(*setup, "setup", {"bytes", "seconds", "source"});
    text(*setup, "setup", "source", "say where these numbers come from");
    result.setup_bytes = read_formula(*setup, "setup", "bytes");
    if (result.setup_bytes) {
      result.book.check(faults_, "setup.bytes", *result.setup_bytes, {}, {1, 0});
    }
    if (find(*setup, "seconds") == nullptr) return;
    result.setup_seconds = read_formula(*setup, "setup", "seconds");
    if (result.setup_seconds) {
      result.book.check(faults_, "setup.seconds", *result.setup_seconds, {}, {0, 1});
    }
  }

  void read_latency(const JsonValue& root, CostModel::Description& result) {
    const auto* latency = object(root, "latency");
    if (latency == nullptr) return;
    check_object(*latency, "latency", {"seconds", "source", "note"});
    text(*latency, "latency", "source", "say where this formula comes from");
    result.latency = read_formula(*latency, "latency", "seconds");
    if (result.latency) {
      result.book.check(faults_, "latency.seconds", *result.latency, latency_dimensions(), {0, 1});
    }
    if (find(*latency, "note") != nullptr) {
      result.latency_note = text(*latency, "latency", "note", "write it, or remove the key");
    }
  }

  std::vector<Exception> read_exceptions(const JsonValue& root, const PrimitiveBook& book) {
    std::vector<Exception> exceptions;
    const auto* list = find(root, "exceptions");
    if (list == nullptr) return exceptions;
    if (list->kind != Kind::array) {
      fault("exceptions", list->shown(), "expected a list [...], not " + list->kind_text());
      return exceptions;
    }
    for (std::size_t i = 0; i < list->members.size(); ++i) {
      const std::string place = "exceptions[" + std::to_string(i) + "]";
      const JsonValue& one = list->members[i].value;
      if (!check_object(one, place, {"when", "add", "note"})) continue;
      exceptions.push_back({.when = read_when(one, place),
                            .added = read_added(one, place, book),
                            .note = text(one, place, "note", "say why, for who reads the result")});
    }
    return exceptions;
  }

  std::map<std::string, std::string> read_when(const JsonValue& exception,
                                               const std::string& place) {
    std::map<std::string, std::string> when;
    const std::string key = place + ".when";
    const auto* conditions = find(exception, "when");
    if (conditions == nullptr) {
      fault(key, "", R"(missing; say for which configs, as {"family": "simplified"})");
    } else if (check_object(*conditions, key, exception_keys())) {
      for (const auto& [name, value] : conditions->members) {
        when[name] = read_condition(below(key, name), name, value);
      }
      if (when.empty()) fault(key, "{}", "is empty; name a key of: " + join(exception_keys()));
    }
    return when;
  }

  std::string read_condition(const std::string& place, const std::string& name,
                             const JsonValue& value) {
    if (name == "family") {
      const auto& families = enum_names<Family>();
      if (value.kind != Kind::text || std::ranges::find(families, value.text) == families.end()) {
        fault(place, value.shown(), "unknown family" + choice_hint(value.text, families));
      }
      return value.text;
    }
    if (value.kind != Kind::integer) {
      fault(place, value.shown(), "expected an integer, not " + value.kind_text());
    }
    return std::to_string(value.integer);
  }

  std::vector<AddedOperation> read_added(const JsonValue& exception, const std::string& place,
                                         const PrimitiveBook& book) {
    std::vector<AddedOperation> added;
    const auto* list = find(exception, "add");
    if (list == nullptr || list->kind != Kind::array) {
      fault(place + ".add", list == nullptr ? "" : list->shown(),
            "expected a list of operations {...}");
      return added;
    }
    for (std::size_t i = 0; i < list->members.size(); ++i) {
      const std::string one = place + ".add[" + std::to_string(i) + "]";
      if (auto operation = read_operation(list->members[i].value, one, book)) {
        added.push_back(std::move(*operation));
      }
    }
    return added;
  }

  std::optional<AddedOperation> read_operation(const JsonValue& object, const std::string& place,
                                               const PrimitiveBook& book) {
    if (!check_object(object, place, {"name", "primitive", "count", "m", "k", "n"})) return {};
    const std::string name = text(object, place, "name", "name the operation");
    const std::string primitive = text(object, place, "primitive", "name one of \"primitives\"");
    std::vector<std::string> known;
    for (const CalledPrimitive& called : called_primitives()) known.push_back(called.name);
    if (!primitive.empty() && std::ranges::find(known, primitive) == known.end()) {
      fault(place + ".primitive", quoted(primitive),
            "unknown primitive" + choice_hint(primitive, known));
    }
    std::map<std::string, Formula> sizes;
    for (const std::string key : {"count", "m", "k", "n"}) {
      const auto formula =
          find(object, key) != nullptr ? read_formula(object, place, key) : Formula::parse("1");
      if (!formula) return std::nullopt;
      book.check(faults_, below(place, key), *formula, config_dimensions(), {});
      sizes.emplace(key, *formula);
    }
    return AddedOperation{name,          primitive,     sizes.at("count"),
                          sizes.at("m"), sizes.at("k"), sizes.at("n")};
  }

  std::vector<std::string> read_notes(const JsonValue& root) {
    const auto* list = find(root, "notes");
    return list == nullptr ? std::vector<std::string>{} : names_in(*list, "notes");
  }
};

}  // namespace

CostModel::Description read_cost_model(const CostFile& file) {
  return Reader(file).read();
}

}  // namespace aero::cost
